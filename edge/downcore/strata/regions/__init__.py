"""Regions: superpixels joined to what a person would call a bed, a clast or a burrow."""
