"""Good scans are never asked about, and mistakes of scale and side are: counted."""

import os
from collections import Counter, defaultdict
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest
from played_device import Device, core_lines, expected_log, job_of

from downcore.service.scan_evidence import facts_of, folder_of
from downcore.simulator.generator import CoreRecipe, GeneratedCore
from downcore.simulator.write_patterns import write_patterns
from downcore.sources import Reading, format_of, head_of
from downcore.strata.errors import UnknownScaleError
from downcore.strata.scan_doubts import Doubt, DoubtRules, OtherScan, ScanFacts, doubts_of

ASK = DoubtRules(ask=True)
REAL = os.environ.get("DOWNCORE_REAL_DATA", "")
REAL_SCANS = (
    ("odp887/*.png", "17.4", "up"),
    ("lago_pato_lp16/*/optical.tif", "20", "left"),
    ("fildes_kite/*/optical.tif", "20", "left"),
    ("yanou_unlabelled/*/optical.tif", "20", "left"),
    ("cd166_itrax/*_optical_lowres.tif", "19200/1401", "left"),
    ("cascadia_m9907/*_4.7ppcm.png", "4.7", "up"),
    ("cascadia_m9907/*_1.34ppcm.png", "1.34", "up"),
    ("cascadia_m9907/*_1.84ppcm.png", "1.84", "up"),
)
"""Scale and side as the manifest of the data has them."""

MISTAKES = ("x10", "/10", "x2", "/2", "side")
FACTORS = {"x10": 10, "/10": Fraction(1, 10), "x2": 2, "/2": Fraction(1, 2), "side": 1}


@cache
def real_scans() -> tuple[tuple[Path, str, str], ...]:
    return tuple(
        (path, px_per_cm, top)
        for pattern, px_per_cm, top in REAL_SCANS
        for path in sorted(Path(REAL).glob(pattern))
    )


def facts(path: Path, px_per_cm: str, top: str) -> tuple[ScanFacts, str]:
    """Return what a station finds out about a finished file, and where it looks for others."""
    fmt = format_of(path, head_of(path))
    assert fmt is not None
    lines = fmt.open((path,), Reading(px_per_cm=px_per_cm, top=top))  # type: ignore[arg-type]
    n_lines, is_complete = lines.refresh(is_still=True)
    found = facts_of(lines, path, ASK, n_lines=n_lines, is_complete=is_complete)
    lines.close()
    return found, folder_of(path, fmt.name)


@cache
def true_facts() -> dict[Path, tuple[ScanFacts, str]]:
    return {path: facts(path, px_per_cm, top) for path, px_per_cm, top in real_scans()}


def others(path: Path) -> tuple[OtherScan, ...]:
    """Return what a station knows that has accepted every other scan of the folder."""
    by_folder: dict[str, list[OtherScan]] = defaultdict(list)
    for known, (found, folder) in true_facts().items():
        span_px = None if found.span is None else found.span.width_px
        if known != path:
            by_folder[folder].append(OtherScan(found.px_per_cm, found.n_across, span_px))
    return tuple(by_folder[true_facts()[path][1]])


def mistaken(path: Path, px_per_cm: str, top: str, mistake: str) -> tuple[Doubt, ...] | str:
    """Return the doubts about a scan that is read wrongly, or why it is refused."""
    scale = str(Fraction(px_per_cm) * FACTORS[mistake])
    if mistake == "side":
        top = "left" if top == "up" else "up"
    try:
        found, _ = facts(path, scale, top)
    except UnknownScaleError as error:
        return str(error)
    return doubts_of(replace(found, others=others(path)), ASK)


@pytest.mark.skipif(not REAL, reason="DOWNCORE_REAL_DATA is not set")
def test_no_real_scan_at_its_true_scale_is_asked_about() -> None:
    asked = {
        path.name: doubts
        for path, (found, _) in true_facts().items()
        for known in ((), others(path))
        if (doubts := doubts_of(replace(found, others=known), ASK))
    }
    assert len(true_facts()) >= 31
    assert asked == {}


@pytest.mark.skipif(not REAL, reason="DOWNCORE_REAL_DATA is not set")
def test_mistakes_in_real_scans_are_asked_about() -> None:
    n, n_asked = Counter[str](), Counter[str]()
    for path, px_per_cm, top in real_scans():
        for mistake in MISTAKES:
            n[mistake] += 1
            n_asked[mistake] += bool(mistaken(path, px_per_cm, top, mistake))
    for path, px_per_cm, _ in real_scans():
        if (path.parent / "document.txt").exists():
            n["upside down"] += 1
            n_asked["upside down"] += bool(facts_upside_down(path, px_per_cm))
    shares = {mistake: n_asked[mistake] / n[mistake] for mistake in n}
    assert min(shares.values()) >= 0.95, shares
    assert n_asked.total() / n.total() >= 0.95


def facts_upside_down(path: Path, px_per_cm: str) -> tuple[Doubt, ...]:
    found, _ = facts(path, px_per_cm, "right")
    return doubts_of(replace(found, others=others(path)), ASK)


@pytest.mark.parametrize("pattern", write_patterns())
def test_a_simulated_core_is_not_asked_about_however_it_is_written(
    tmp_path: Path, pattern: str
) -> None:
    pixels = core_lines(length_cm=8.6, width_cm=7.0)
    with Device(tmp_path, doubts=ASK, top=None) as device:
        for step in write_patterns()[pattern].write(job_of(pixels, device.inbox)):
            device.round(step.path)
            assert not any(question for (question,) in device.scans("question"))
        device.until_given_up()
        assert not any(question for (question,) in device.scans("question"))
        if "breaks" not in pattern and "lost" not in pattern:
            assert device.only_log().begins(expected_log(pixels))


def simulated(seed: int, folder: Path) -> Path:
    """Return a simulated section of 12 to 35 cm in an image of 6 to 11 cm, as a scanner's file."""
    recipe = CoreRecipe(
        seed=seed, length_cm=12.0 + 23 * seed / N_SEEDS, px_per_cm=25.0, width_cm=6.0 + seed % 6
    )
    core = GeneratedCore(recipe)
    job = job_of(core.lines(0, core.n_lines), folder, f"GC{seed:02d}", lines_per_step=999)
    return [step.path for step in write_patterns()["growing-tiff"].write(job)][-1]


N_SEEDS = 12


def test_mistakes_in_simulated_scans_are_asked_about_and_good_ones_are_not(tmp_path: Path) -> None:
    paths = [simulated(seed, tmp_path) for seed in range(N_SEEDS)]
    true = {path: facts(path, "25", "up")[0] for path in paths}
    usual = {
        path: OtherScan(found.px_per_cm, found.n_across, found.span and found.span.width_px)
        for path, found in true.items()
    }
    n_asked = Counter[str]()
    for path, found in true.items():
        # A scanner has one width of image; those of the same one are the neighbours.
        near = tuple(
            one for q, one in usual.items() if q != path and one.n_across == found.n_across
        )
        assert doubts_of(found, ASK) == (), path
        assert doubts_of(replace(found, others=near), ASK) == (), path
        for mistake in MISTAKES:
            top = "left" if mistake == "side" else "up"
            wrong, _ = facts(path, str(25 * FACTORS[mistake]), top)
            n_asked[mistake] += bool(doubts_of(replace(wrong, others=near), ASK))
    assert n_asked.total() >= 0.95 * N_SEEDS * len(MISTAKES)
