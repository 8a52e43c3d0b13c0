"""The live page: the record, drawn in a browser; nothing is read but the record."""
