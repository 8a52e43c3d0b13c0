"""A generator of synthetic sediment core halves, and a simulated scanner that writes them."""
