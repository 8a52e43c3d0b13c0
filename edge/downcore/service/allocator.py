"""
How the C library deals with memory that arrays no longer need.

Left alone, it hands large pieces back to the system at once and fetches them again, zeroed page
by page, for the next slice; and every thread gets a pool of its own, which does so most.
"""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Numbers of the parameters in ``malloc.h``."""
_MMAP_FROM_BYTES = 32 * 1024 * 1024
"""Size from which an array is handed back as soon as it is not needed; the most glibc allows."""
_KEPT_BYTES = 256 * 1024 * 1024
"""Free memory at the end of the pool from which it is handed back; more than regions need."""


def keep_freed_memory() -> None:
    """Let threads share one pool of memory, which keeps what they free for the next arrays."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        # Another C library than glibc: slower, but no less right.
        return
    mallopt(_ARENA_MAX, 1)
    mallopt(_MMAP_THRESHOLD, _MMAP_FROM_BYTES)
    mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
