"""Fitting of a network: the training loop, its parts and its results."""
