"""How a network is fitted: the loop, its parts, and what it leaves behind."""
