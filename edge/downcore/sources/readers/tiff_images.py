"""Which of the images in a TIFF file is the scan."""

from dataclasses import dataclass
from pathlib import Path

from downcore.strata.errors import SegmentError

_SAME_SHAPE = 0.03
_SMALLER = 0.9


@dataclass(frozen=True, slots=True)
class ImageInFile:
    """One image in a TIFF file, by its tags."""

    width: int
    height: int
    is_colour: bool
    is_reduced: bool
    """Whether its own tags say that it is a smaller copy of another image."""
    is_mask: bool

    def is_copy_of(self, other: "ImageInFile") -> bool:
        """Return whether it may be a smaller copy of another image, by its sides."""
        if not (self.width and self.height and other.width and other.height):
            return False
        across, down = self.width / other.width, self.height / other.height
        # A side of few pixels is rounded.
        slack = _SAME_SHAPE * across + 1.0 / other.width + 1.0 / other.height
        return max(across, down) <= _SMALLER and abs(across - down) <= slack


def chosen_image(images: list[ImageInFile], path: Path) -> int:
    """
    Return which of the images of a file is the scan: the only colour image of full size.

    Raises
    ------
    SegmentError
        If several may be it, as where the pages of a file are parts of one scan, or if there are
        only smaller copies.
    """
    if len(images) == 1 and not images[0].is_reduced:
        return 0
    colour = [i for i, image in enumerate(images) if image.is_colour and not image.is_mask]
    full = [i for i in colour if not images[i].is_reduced]
    if not colour:
        return 0
    if not full:
        raise SegmentError(
            f"expected a scan of full size, got {len(colour)} smaller copies of one: {path}; "
            f"export the scan itself"
        )
    largest = max(full, key=lambda i: (images[i].width * images[i].height, -i))
    others = [i for i in full if i != largest and not images[i].is_copy_of(images[largest])]
    if others:
        sizes = ", ".join(f"{images[i].width} x {images[i].height}" for i in full)
        raise SegmentError(
            f"expected one scan in the file, got {len(full)} images ({sizes} px) that may be parts "
            f"of one or several scans: {path}; export each to a file of its own, or joined to one"
        )
    return largest
