"""TIFF images of one section each, with scale and direction from the settings."""

from downcore.sources.formats._plain_image import plain_image_format

FORMAT = plain_image_format("plain_tiff", "TIFF image", "tiff")
