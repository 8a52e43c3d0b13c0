"""What a bundle says of a finished scan, without a database."""

from dataclasses import replace
from pathlib import Path

from downcore.commands.log_columns import NOTHING_BESIDE
from downcore.notebook.reading import read_rows
from downcore.notebook.scan import FinishedScan
from downcore.notebook.section_log import SectionLog
from downcore.service.station_setup import open_predictors, scan_settings
from downcore.settings import load_settings
from downcore.sources.inbox.digests import scan_id_of
from downcore.strata.depthlog import Estimate


def predict(
    scan: FinishedScan, *, bundle: str | Path, allow_low_resolution: bool = False
) -> SectionLog:
    """
    Return the depth log of a finished scan, with the numbers that ``downcore process`` keeps.

    The bundle is loaded and proves itself by its golden test each time, which takes seconds.
    Its guard looks on: where the core is unlike those it was trained on, or the scan far below
    their resolution, the status is ``abstained`` and the value NaN, with the reason.

    Parameters
    ----------
    scan : FinishedScan
        From :func:`downcore.read_scan`.
    bundle : str or Path
        Name of a reference bundle such as ``"resnet-18"``, or the folder of one of your own.
    allow_low_resolution : bool, default False
        Predict even from a scan far below the resolution of the training; the rows say so.

    Returns
    -------
    SectionLog
        Without a composition; ``downcore process`` and ``downcore compose`` find that.

    Raises
    ------
    BundleError
        If the bundle is missing or damaged, or fails its golden test.
    SegmentError
        If the image cannot be read any more.

    Examples
    --------
    >>> scan = downcore.read_scan("GC01_01.tif", px_per_cm=200, top="up")
    >>> frame = downcore.predict(scan, bundle="resnet-18").to_pandas()
    >>> frame["property"].unique().tolist()
    ['density', 'ms', 'vp']
    """
    named = str(bundle.expanduser().absolute()) if isinstance(bundle, Path) else bundle
    settings = load_settings(
        None,
        predict={
            "bundles": (named,),
            "mode": "backlog",
            **({"allow_low_resolution": True} if allow_low_resolution else {}),
        },
    )
    predictors = open_predictors(settings)
    try:
        with scan.opened() as lines:
            read = read_rows(lines, scan.n_lines, predictors, scan_settings(settings).rules)
    finally:
        # Where reading broke off, networks are still at work, and must not be dropped so.
        for predictor in predictors:
            predictor.collect(wait=True)
    rows = tuple(
        replace(row, estimates=tuple(sorted(row.estimates, key=_place_in_record)))
        for row in read.rows
    )
    return SectionLog(scan.section, scan_id_of(scan.section, read.opening), rows, NOTHING_BESIDE)


def _place_in_record(estimate: Estimate) -> tuple[str, str]:
    return (estimate.property, estimate.bundle_id)
