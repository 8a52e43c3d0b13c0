"""Starting a bundle: load, compile and run its golden test."""

from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from downcore.inference.compiling import compile_bundle
from downcore.inference.device import usable_cpus
from downcore.inference.loading import Bundle, load_bundle
from downcore.inference.predictor import BundlePredictor, Mode
from downcore.strata.errors import BundleError

REQUESTS_PER_THREAD = 2
"""Inferences in progress per thread: one computes while tiles of the next are copied."""


def default_cache_folder() -> Path:
    """Return the user's cache folder for compiled graphs."""
    return Path(platformdirs.user_cache_dir("downcore", appauthor=False)) / "compiled"


def open_predictor(folder: Path, *, mode: Mode = Mode.LIVE, n_threads: int = 0) -> BundlePredictor:
    """
    Load, verify, compile and test the bundle in ``folder``, and return it running.

    Parameters
    ----------
    folder : Path
        A bundle.
    mode : Mode, default Mode.LIVE
        How submissions are grouped.
    n_threads : int, default 0
        Inference threads; 0 takes every CPU that the process may use.

    Raises
    ------
    BundleError
        If the bundle is damaged, or does not compute what it should on this processor.
    """
    return start_predictor(
        load_bundle(folder), mode=mode, n_threads=n_threads, cache_folder=default_cache_folder()
    )


def start_predictor(
    bundle: Bundle,
    *,
    mode: Mode = Mode.LIVE,
    n_threads: int = 0,
    cache_folder: Path | None = None,
) -> BundlePredictor:
    """
    Compile ``bundle``, run its golden test and return it running.

    Parameters
    ----------
    bundle : Bundle
        Verified.
    mode, n_threads
        As in :func:`open_predictor`.
    cache_folder : Path or None
        Where compiled graphs are kept; ``None`` keeps nothing.

    Raises
    ------
    BundleError
        If the golden test deviates by more than the manifest allows.
    """
    threads = n_threads or usable_cpus()
    compiled = compile_bundle(bundle, threads, cache_folder)
    predictor = BundlePredictor(
        compiled, bundle.manifest, n_requests=REQUESTS_PER_THREAD * threads, mode=mode
    )
    deviation = golden_deviation(predictor, bundle)
    if not deviation <= bundle.manifest.golden_tolerance:
        predictor.close()
        raise BundleError(
            f"bundle {bundle.manifest.title}: expected the golden test within "
            f"{bundle.manifest.golden_tolerance:g} standard deviations, got {deviation:.3g}: "
            "this processor or version of OpenVINO computes other numbers; "
            "export the bundle again on it, or use another bundle"
        )
    return predictor


def golden_deviation(predictor: BundlePredictor, bundle: Bundle) -> float:
    """
    Return the largest deviation of the golden test.

    In units of each property's spread; the sd is compared as its logarithm, as it leaves
    the graph, and the novelty in shares of its threshold. NaN where an output is not a number.
    """
    golden = bundle.golden
    got = predictor.raw_outputs(golden.tiles)
    limit = bundle.manifest.novelty_threshold or 1.0
    return max_deviation(
        np.abs(got.outputs - golden.outputs), np.abs(got.novelty - golden.novelty) / limit
    )


def max_deviation(*deviations: NDArray[np.floating]) -> float:
    """Return the largest of all numbers, NaN if any is NaN."""
    return float(np.max([deviation.max() for deviation in deviations]))
