"""The lab: networks, their training cores and the training loop. The part that needs torch."""
