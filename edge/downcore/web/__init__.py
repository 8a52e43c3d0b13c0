"""The live page: what is in the record, drawn in a browser; it reads the record and nothing else."""
