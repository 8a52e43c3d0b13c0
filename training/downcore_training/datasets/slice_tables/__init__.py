"""Slice tables, ``*_slices_1cm.csv``: a row a centimetre, with labels and place in an image."""
