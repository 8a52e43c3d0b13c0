"""Fitting of the mask: marked and generated scans, augmented views of them, and the fit."""
