"""
The model card: what a bundle predicts, its figures, and its limits.

It is generated from the manifest, the recipe and the figures of the bench, so that it can be
written again for a finished bundle.
"""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from downcore.strata.bundle import Manifest, parse_manifest
from downcore.strata.errors import BundleError
from downcore_export.bench_rows import FIGURES, BenchFile, BenchRow, is_of_unseen_core
from downcore_export.windows.card import window_card

CARD = "card.md"
"""Name of the card in a bundle's folder; no digest covers it, since it is written again."""


def rewrite_card(folder: Path, bench: Sequence[BenchFile]) -> Path:
    """
    Write the card of the finished bundle in ``folder`` again and return its path.

    Raises
    ------
    BundleError
        If there is no bundle of this version there.
    """
    try:
        manifest = parse_manifest((folder / "manifest.json").read_text(encoding="utf-8"))
        recipe = (folder / "recipe.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"expected a finished bundle in {folder}, got: {error}") from error
    path = folder / CARD
    path.write_text(card_text(manifest, recipe, bench), encoding="utf-8")
    return path


def card_text(manifest: Manifest, recipe: str, bench: Sequence[BenchFile] = ()) -> str:
    """
    Return the model card of a bundle, Markdown.

    Parameters
    ----------
    manifest : Manifest
        As it is written.
    recipe : str
        The training recipe, TOML.
    bench : sequence of BenchFile
        Figures on folders of cores, shown as they are, good or bad.
    """
    if manifest.window is not None:
        tables = "\n\n".join(part for file in bench for part in _bench(file))
        return window_card(manifest, recipe, tables)
    cores = _cores(manifest)
    parts = [
        f"# {manifest.title}, {manifest.precision}",
        _what(manifest, bench),
        "## Use",
        _use(manifest),
        *[part for file in bench for part in _bench(file)],
        f"## Figures of the export, on {cores}",
        _figures(manifest),
        "## Intervals",
        _intervals(manifest),
        "## When it gives no value",
        _abstaining(manifest),
        "## From the trained network to this file",
        _export(manifest),
        _onnx(manifest),
        "## Training",
        _training(manifest, recipe),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _what(manifest: Manifest, bench: Sequence[BenchFile]) -> str:
    cores = _cores(manifest)
    properties = ", ".join(f"{output.property} ({output.unit})" for output in manifest.outputs)
    titles = ", ".join(file.title for file in bench)
    judged = (
        f"What it does on {titles} stands below, good or bad."
        if bench
        else f"Every figure on this page is from {cores}; on others nothing was measured."
    )
    return (
        f"Bundle `{manifest.bundle_id}`. Predicts {properties} of one centimetre of sediment core "
        f"from 200 x 200 px RGB tiles, 1 cm x 1 cm each. Trained on {manifest.training_data}.\n\n"
        f"**{judged} Check against logged values of your own cores before you rely on any value.**"
    )


def _use(manifest: Manifest) -> str:
    low, high = manifest.trained_px_per_cm
    return (
        f"Meant for scans of {low:g} to {high:g} px/cm of split sediment cores under even light. "
        "Not meant for hard rock, unsplit cores, X-radiographs, or decisions that nobody checks. "
        "Values are comparable down one core; between cores there are offsets that colour "
        "cannot show."
    )


def _bench(file: BenchFile) -> list[str]:
    parts = [f"## Bench: {file.title}"]
    shown = [row for row in file.rows if is_of_unseen_core(row)]
    if len(shown) < len(file.rows):
        parts += ["Cores not seen before only; the report of the bench has the other protocols."]
    # Rows of one protocol stand together, in the order in which the protocols first come.
    order = list(dict.fromkeys(row.protocol for row in shown))
    rows = sorted(shown, key=lambda row: order.index(row.protocol))
    for protocol, some in groupby(rows, key=lambda row: row.protocol):
        parts += [f"### {protocol}", _bench_table(list(some))]
    return parts


def _bench_table(rows: list[BenchRow]) -> str:
    headings = ["property", "model", *FIGURES, "slices", "cores"]
    properties = list(dict.fromkeys(row.property for row in rows))
    lines = [f"| {' | '.join(headings)} |", "|---" * len(headings) + "|"]
    for row in sorted(rows, key=lambda row: properties.index(row.property)):
        figures = [_shown(row.figures[name]) for name in FIGURES]
        sensor = f" ({row.sensor})" if row.sensor else ""
        cells = [f"{row.property}{sensor}, {row.unit}", row.network, *figures]
        lines.append(f"| {' | '.join(cells)} | {row.n_slices} | {row.n_cores} |")
    return "\n".join(lines)


def _figures(manifest: Manifest) -> str:
    cores = _cores(manifest)
    rows = [
        (
            f"Test {cores}, by slice of 1 cm, all by the network as trained; what the export "
            "costs stands below. No network can do better than *visible share*, the R2 of a "
            "perfect reader of colour and texture: the rest of the variance cannot be seen."
        ),
        "",
        (
            "| property | R2 | RMSE | bias | R2, boosted trees on colour | R2, ridge on colour "
            "| R2, training mean | visible share |"
        ),
        "|---|---|---|---|---|---|---|---|",
    ]
    for output in manifest.outputs:
        name, unit = output.property, f"log10 {output.unit}" if output.is_log10 else output.unit
        trained = ("test_slice_values", name)
        rows.append(
            f"| {name} | {_get(manifest, *trained, 'r2')} | {_get(manifest, *trained, 'rmse')} "
            f"{unit} | {_get(manifest, *trained, 'bias')} "
            f"| {_get(manifest, 'test_baseline_boosted_on_colour', name, 'r2')} "
            f"| {_get(manifest, 'test_baseline_ridge_on_colour', name, 'r2')} "
            f"| {_get(manifest, 'test_baseline_training_mean', name, 'r2')} "
            f"| {_get(manifest, 'visible_share', 'test', name)} |"
        )
    return "\n".join(rows)


def _intervals(manifest: Manifest) -> str:
    cores = _cores(manifest)
    rows = [
        (
            "Meant to hold what the logger reads of 90 % of the slices of a core not seen; fitted "
            f"on the errors on validation {cores}, core by core."
        ),
        "",
        (
            f"| property | share of slices of test {cores} inside | as shipped, on the slices of "
            "the export's check | factor | least half width |"
        ),
        "|---|---|---|---|---|",
    ]
    for output in manifest.outputs:
        trained = _get(manifest, "interval_coverage", "test", output.property)
        shipped = _get(manifest, "interval_coverage_as_shipped", "test", output.property)
        unit = f"log10 {output.unit}" if output.is_log10 else output.unit
        rows.append(
            f"| {output.property} | {trained} | {shipped} | {output.interval_factor:.3g} "
            f"| {output.interval_floor:.3g} {unit} |"
        )
    return "\n".join(rows)


def _abstaining(manifest: Manifest) -> str:
    cores = _cores(manifest)
    if manifest.novelty_threshold is None:
        return "It answers whatever it is shown."
    return (
        "A slice whose features are unlike those of the training tiles gets no value: above a "
        f"novelty of {manifest.novelty_threshold:.3g} (a training tile has about 1). The features "
        f"of {manifest.n_novelty_tiles} training tiles say what is usual. The threshold was set "
        f"so that {100 * manifest.false_abstain_share:.3g} % of slices of validation {cores} lie "
        "above it; on the slices of the export's check the share is "
        f"{_get(manifest, 'abstained_as_shipped', 'test')}."
    )


def _export(manifest: Manifest) -> str:
    cores = _cores(manifest)
    done = manifest.quantisation
    if done is None:
        return "Nothing is known of the export."
    how = {
        "int8": (
            f"Quantised to 8 bit by {done.method}, calibrated on {done.n_calibration_tiles} tiles "
            f"of training {cores}; a gain and an offset for each output, fitted on the same tiles, "
            "and a linear read-out of the quantised features, fitted on more of them, take back "
            "what rounding does to the values."
        ),
        "f32": "Kept and computed in 32 bit: it has no convolutions that would gain by less.",
        "bf16": "Kept in 16 bit, computed in bfloat16: 8 bit moved the values too far.",
    }.get(manifest.precision, "Kept in 16 bit, computed in 32: less moved the values too far.")
    rows = [
        (
            f"{how} Against the unquantised network, on {done.n_checked_tiles} tiles of some "
            f"test {cores} (the export's check):"
        ),
        "",
        "| property | R2 lost | 95th percentile of the deviation, training sd |",
        "|---|---|---|",
    ]
    rows += [
        f"| {name} | {lost:+.4f} | {done.p95_deviation[name]:.4f} |"
        for name, lost in done.r2_loss.items()
    ]
    return "\n".join([*rows, "", _other_processors(manifest)])


def _other_processors(manifest: Manifest) -> str:
    moved = manifest.golden_deviation_without_vnni
    if moved is None:
        return "On a processor without 8-bit dot products (AVX2 alone) nothing was measured."
    does = "passes" if moved <= manifest.golden_tolerance else "fails"
    return (
        f"On AVX2 alone, without 8-bit dot products, the golden test deviates by {moved:.3g} and "
        f"{does} (limit {manifest.golden_tolerance:g})."
    )


def _onnx(manifest: Manifest) -> str:
    cores = _cores(manifest)
    if manifest.onnx is None:
        return ""
    onnx = manifest.onnx
    moved = ", ".join(f"{name} {x:.4f}" for name, x in onnx.p95_deviation.items())
    return (
        f"`model.onnx` is the same network for other runtimes, {onnx.precision}. In ONNX Runtime "
        f"its mean is at most {onnx.golden_deviation:.3g} training sd from this graph's on the "
        "golden tiles; 95th percentile of its deviation from the unquantised network on tiles of "
        f"test {cores}, training sd: {moved}."
    )


def _training(manifest: Manifest, recipe: str) -> str:
    run = manifest.metrics.get("run", {})
    run_text = "".join(f"; {key} {value:.4g}" for key, value in sorted(run.items()))
    digests = "\n".join(
        f"- {name}: `{digest}`" for name, digest in sorted(manifest.data_sha256.items())
    )
    return (
        f"Network `{manifest.network}`{run_text}. downcore {manifest.code_version}. SHA-256 of the "
        f"cores (resolutions, labels, colours):\n\n{digests}\n\nThe recipe, SHA-256 "
        f"`{manifest.recipe_sha256[:16]}`:\n\n```toml\n{recipe.strip()}\n```"
    )


def _get(manifest: Manifest, protocol: str, *keys: str) -> str:
    return _shown(manifest.metrics.get(protocol, {}).get(".".join(keys)))


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _cores(manifest: Manifest) -> str:
    """Return what the cores of the export's own figures are called."""
    return "generator cores" if "generated" in manifest.training_data else "cores of the release"
