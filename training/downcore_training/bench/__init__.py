"""The bench: every model and baseline through one scorer, on cores it has not learned from."""
