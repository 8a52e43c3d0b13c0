"""
Kernels that are compiled when first called, and kept on disk where that is allowed.

A compiled kernel is stored beside its source or in the user's cache folder. Where neither can be
written, or the stored kernel cannot be read back, it is compiled again. A stored kernel is renewed
only when its own source file changes, so a kernel must not use code or constants of another module.
"""

import functools
import pickle
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

_P = ParamSpec("_P")
_R = TypeVar("_R")

# Products and sums may be fused, but sums are never reordered. Divisors are not tested for 0, since
# that test prevents vectorised loops.
_OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}


def inlined(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return a function for use in kernels of the same module; it is compiled into each of them."""
    return cast("Callable[_P, _R]", numba.njit(**_OPTIONS)(function))


def compiled(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return ``function`` as machine code that runs beside other threads."""
    compile_it = functools.partial(numba.njit, **_OPTIONS)
    fresh = cast("Callable[_P, _R]", compile_it(cache=False)(function))
    try:
        stored = cast("Callable[_P, _R]", compile_it(cache=True)(function))
    except RuntimeError:
        # No folder can be written: numba says so here already, before anything is compiled.
        return fresh

    kernel = stored

    @functools.wraps(function)
    def run(*args: _P.args, **named: _P.kwargs) -> _R:
        nonlocal kernel
        try:
            return kernel(*args, **named)
        except (EOFError, pickle.UnpicklingError):
            # A file cut short, as after a loss of power. Kernels themselves raise neither.
            kernel = fresh
            return kernel(*args, **named)

    return run
