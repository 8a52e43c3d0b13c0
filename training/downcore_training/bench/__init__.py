"""The bench: one scorer for every model and baseline, on cores outside their training data."""
