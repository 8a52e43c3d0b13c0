"""The mask: for each pixel of a scan, whether it shows sediment or what else."""
