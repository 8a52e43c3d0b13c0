"""The reference bundles, shipped as package data; one folder each."""
