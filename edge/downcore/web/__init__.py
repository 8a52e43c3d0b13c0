"""The live page: what is in the record, drawn in a browser; only the record is read."""
