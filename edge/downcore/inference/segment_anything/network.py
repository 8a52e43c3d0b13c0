"""The graphs of a bundle, compiled, proven, and asked."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore.inference.device import computes_bf16
from downcore.inference.openvino_runtime import compile_for
from downcore.inference.segment_anything.loading import SegmentAnythingBundle
from downcore.inference.segment_anything.manifest import (
    BOXES,
    EMBEDDING,
    MASKS,
    OVERLAPS,
    PARTS,
    PICTURE,
    POINTS,
    TOKENS,
)
from downcore.strata.errors import BundleError

Floats = NDArray[np.float32]


class SegmentAnythingNetwork:
    """
    A running bundle; used from one thread.

    Everything is computed on one thread, so that the number of cores cannot show in a mask.

    Raises
    ------
    BundleError
        If OpenVINO cannot compile the bundle, or it does not compute what it should here.
    """

    def __init__(self, bundle: SegmentAnythingBundle) -> None:
        self._manifest = bundle.manifest
        try:
            precision = bundle.manifest.precision
            self._parts = {one: compiled(bundle.graphs, one, precision) for one in PARTS}
        except RuntimeError as error:
            raise BundleError(f"{bundle.folder}: OpenVINO cannot compile it: {error}") from error
        self._prove(bundle)

    def embed(self, picture: NDArray[np.uint8]) -> Floats:
        """Return the embedding of a picture, RGB, shape (side, side, 3)."""
        embedding: Floats = self._parts["encoder"]({PICTURE: picture[None]})[EMBEDDING]
        return embedding

    def masks(self, embedding: Floats, points: Floats, boxes: Floats) -> tuple[Floats, Floats]:
        """
        Return four masks of each prompt, and how far each is predicted to overlap the truth.

        Parameters
        ----------
        embedding : ndarray
            From :meth:`embed`.
        points : ndarray, shape (n, 2)
            x and y of a pixel inside, in pixels of the picture; n is 1 or more.
        boxes : ndarray, shape (n, 4)
            Left, top, right and bottom pixel of what is sought.

        Returns
        -------
        ndarray, shape (n, 4, side / 4, side / 4)
            Above 0 inside the mask.
        ndarray, shape (n, 4)
            Predicted intersection over union; mostly 0 to 1.
        """
        n, batch = len(points), self._manifest.batch
        parts = []
        for first in range(0, n, batch):
            # The last batch is filled with its own last prompt, whose answers are dropped.
            index = np.minimum(np.arange(first, first + batch), n - 1)
            tokens = self._parts["prompts"]({POINTS: points[index], BOXES: boxes[index]})[TOKENS]
            answers = self._parts["decoder"]({EMBEDDING: embedding, TOKENS: tokens})
            parts.append((answers[MASKS], answers[OVERLAPS]))
        masks, overlaps = (np.concatenate(one)[:n] for one in zip(*parts, strict=True))
        return masks, overlaps

    def _prove(self, bundle: SegmentAnythingBundle) -> None:
        golden = bundle.golden
        embedding = self.embed(golden[PICTURE][0])
        masks, overlaps = self.masks(embedding, golden[POINTS], golden[BOXES])
        got = {EMBEDDING: embedding, MASKS: masks, OVERLAPS: overlaps}
        for name, moved in deviations(got, golden).items():
            if not moved <= bundle.manifest.golden_tolerance:
                raise BundleError(
                    f"{bundle.folder}: expected the golden {name} within "
                    f"{bundle.manifest.golden_tolerance:g} of their size, got {moved:.3g}: this "
                    "processor or version of OpenVINO computes other numbers, or the bundle is not "
                    "of one piece; make it again with 'downcore segment-anything'"
                )


def compiled(graphs: dict[str, Any], part: str, precision: str) -> Any:
    """Return a part's graph compiled for one thread; ``precision`` is that of the manifest."""
    # Places are waves of many periods: in bfloat16 a point would lie pixels beside itself.
    is_bf16 = precision == "bf16" and part != "prompts" and computes_bf16()
    return compile_for(graphs[part], is_bf16=is_bf16)


def deviations(got: Mapping[str, Floats], expected: Mapping[str, Floats]) -> dict[str, float]:
    """
    Return by name how far numbers are from those expected; NaN where one is no number.

    Root mean square of the difference over that of ``expected``; of overlaps, which are shares
    of 1, the difference itself.
    """
    found = {}
    for name, numbers in got.items():
        wide = expected[name].astype(np.float64)
        difference = float(np.sqrt(np.mean((numbers.astype(np.float64) - wide) ** 2)))
        size = 1.0 if name == OVERLAPS else float(np.sqrt(np.mean(wide**2)))
        found[name] = difference / max(size, 1e-6)
    return found
