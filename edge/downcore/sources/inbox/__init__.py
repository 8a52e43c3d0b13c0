"""The inbox: its files listed, grouped into scans and named, and when a scan is complete."""
