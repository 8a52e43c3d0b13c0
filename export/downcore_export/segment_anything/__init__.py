"""
Segment Anything with MobileSAM's small image encoder: architecture, checkpoint, export.

No weights are shipped. Nothing here loads torch until a module beneath is imported.
"""
