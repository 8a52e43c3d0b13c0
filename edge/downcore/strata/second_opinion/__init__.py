"""A second opinion on a logger: where what it measured and what the picture says part company."""
