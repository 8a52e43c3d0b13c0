"""Properties shared by cores of one site: mud and scanner."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_OWN = 0.2
"""Share of a level that is a core's own within a site."""

Level = TypeVar("Level", float, NDArray[np.float64])


class Site:
    """
    Levels of a whole core, drawn partly by its site.

    Parameters
    ----------
    number : int or None
        Which site, from 0; None for a core without a site, which shares nothing.
    part : int
        Which part of the generator draws, so that each part has draws of its own.

    Raises
    ------
    ValueError
        If the number is below 0.
    """

    def __init__(self, number: int | None = None, part: int = 0) -> None:
        if number is not None and number < 0:
            raise ValueError(f"expected a site of 0 or more, or none, got {number}")
        # A third number keeps a site's draws apart from those of the core with the same seed.
        self._rng = None if number is None else np.random.default_rng([number, part, 1])

    def level(
        self, own: np.random.Generator, draw: Callable[[np.random.Generator], Level]
    ) -> Level:
        """
        Return a level by ``draw``, mostly the site's and partly the core's ``own``.

        ``own`` is drawn from in any case, and is the level where there is no site. The mean is that
        of ``draw``; cores of one site differ by a fifth as much as others.
        """
        mine = draw(own)
        if self._rng is None:
            return mine
        return (1.0 - _OWN) * draw(self._rng) + _OWN * mine


NOWHERE = Site()
"""For a core that shares nothing with any other."""
