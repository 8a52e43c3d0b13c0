"""Evaluation of predictions: figures by slice, intervals by core, and baselines."""
