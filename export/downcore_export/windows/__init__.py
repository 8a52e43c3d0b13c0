"""From the checkpoint of a predictor with context to its bundle."""
