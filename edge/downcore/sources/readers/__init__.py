"""Readers of image files, line by line, growing or finished."""
