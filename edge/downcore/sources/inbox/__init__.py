"""What lies in the inbox: listed, grouped into scans, named, and told to be complete or not."""
