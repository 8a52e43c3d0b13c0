"""Pixels and mask of the slices of a core, read section by section on demand."""

import contextlib
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from downcore.pipeline import masked_slices
from downcore.strata.errors import SegmentError
from downcore_training.datasets.section_image import SectionImage

_Shown = tuple[NDArray[np.uint8], NDArray[np.uint8]]


class SliceImages:
    """
    Reads the slices of a core; holds one section open and one slice in memory.

    The mask of a slice depends on the slices above it, as on the device, so that asking in
    ascending order reads every line once, and asking backwards starts the section again.

    Parameters
    ----------
    images : sequence of SectionImage
        The core's sections.
    section, slice_index : ndarray, shape (n,)
        Which section, and which centimetre of it, each slice of the core is.
    """

    def __init__(
        self,
        images: Sequence[SectionImage],
        section: NDArray[np.int64],
        slice_index: NDArray[np.int64],
    ) -> None:
        self._images = tuple(images)
        self._section = section
        self._slice_index = slice_index
        self._walk: Iterator[_Shown] | None = None
        self._open_section = -1
        self._at = -1
        self._shown: _Shown | None = None

    def __len__(self) -> int:
        return len(self._section)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def px_per_cm(self, i: int) -> float:
        """Return the scale of slice ``i``'s image."""
        return float(self._images[self._section[i]].px_per_cm)

    def lines_and_classes(self, i: int) -> _Shown:
        """
        Return the pixels of slice ``i`` and their classes.

        Returns
        -------
        lines : ndarray of uint8, shape (n_lines, n_across, 3)
            RGB, core top first; of 16 bit the upper 8.
        classes : ndarray of uint8, shape (n_lines, n_across)
            The mask, as on the device.

        Raises
        ------
        SegmentError
            If the image cannot be read, or is shorter than it was.
        """
        section, wanted = int(self._section[i]), int(self._slice_index[i])
        if section != self._open_section or wanted < self._at:
            self.close()
            self._open_section = section
            self._walk = _slices_of(self._images[section])
        while self._at < wanted:
            shown = next(self._walk, None) if self._walk is not None else None
            if shown is None:
                raise SegmentError(
                    f"expected slice {wanted} of {self._images[section].name}, got the image's "
                    f"end; was it changed?"
                )
            self._shown = shown
            self._at += 1
        assert self._shown is not None  # noqa: S101 - set by the loop above or an earlier call
        return self._shown

    def close(self) -> None:
        """Close the open image; may be called again."""
        walk, self._walk = self._walk, None
        self._open_section, self._at, self._shown = -1, -1, None
        if walk is not None:
            walk.close()  # type: ignore[attr-defined] # it is a generator


def _slices_of(image: SectionImage) -> Iterator[_Shown]:
    with contextlib.closing(image.open()) as scan:
        for slice_lines, classes in masked_slices(scan, image.n_lines):
            shown = slice_lines.lines
            lines = shown >> 8 if shown.dtype == np.uint16 else shown
            yield lines.astype(np.uint8, copy=False), classes
