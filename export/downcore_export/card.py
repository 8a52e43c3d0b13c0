"""The model card: what a bundle can do, what it was judged on, and what it must not be used for."""

from typing import Any

from downcore.strata.bundle import Manifest
from downcore_export.source import Source

_DATA = "generator cores"
"""Stands beside every number: none of them is from a natural core."""


def card_text(source: Source, manifest: Manifest) -> str:
    """
    Return the model card of a bundle, Markdown.

    Every number comes from the checkpoint or from the export; a figure that neither has is
    shown as a dash.
    """
    parts = [
        f"# {manifest.title}, {manifest.precision}",
        _what(source, manifest),
        "## Use",
        _use(manifest),
        f"## Figures on {_DATA}",
        _figures(manifest),
        "## Intervals",
        _intervals(manifest),
        "## From the trained network to this file",
        _export(manifest),
        "## Training",
        _training(source, manifest),
    ]
    return "\n\n".join(parts) + "\n"


def _what(source: Source, manifest: Manifest) -> str:
    properties = ", ".join(f"{one.property} ({one.unit})" for one in manifest.outputs)
    return (
        f"Predicts {properties} of one centimetre of sediment core from 200 x 200 px RGB tiles, "
        f"1 cm x 1 cm each. Trained on {source.training_data}.\n\n"
        f"**No natural core was used. Every number on this page is from {_DATA}, which are "
        "simpler than nature; on a natural core expect larger errors, and check against logged "
        "values before you rely on any.**"
    )


def _use(manifest: Manifest) -> str:
    low, high = manifest.trained_px_per_cm
    return (
        f"Meant for scans of {low:g} to {high:g} px/cm of split sediment cores under even light. "
        "Not meant for hard rock, unsplit cores, X-radiographs, or decisions that nobody checks. "
        "Values are comparable down one core; between cores there are offsets that colour "
        "cannot show."
    )


def _figures(manifest: Manifest) -> str:
    rows = [
        (
            f"Test {_DATA}, by slice of 1 cm. No network can do better than *visible share*, the "
            "R2 of a perfect reader of colour and texture: the rest of the variance cannot be seen."
        ),
        "",
        "| property | R2 | RMSE | bias | R2, ridge on colour | R2, training mean | visible share |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in manifest.outputs:
        name, unit = one.property, f"log10 {one.unit}" if one.is_log10 else one.unit
        shipped = ("test_as_shipped", name)
        rows.append(
            f"| {name} | {_get(manifest, *shipped, 'r2')} | {_get(manifest, *shipped, 'rmse')} "
            f"{unit} | {_get(manifest, *shipped, 'bias')} "
            f"| {_get(manifest, 'test_baseline_ridge_on_colour', name, 'r2')} "
            f"| {_get(manifest, 'test_baseline_training_mean', name, 'r2')} "
            f"| {_get(manifest, 'visible_share', 'test', name)} |"
        )
    return "\n".join(rows)


def _intervals(manifest: Manifest) -> str:
    rows = [
        f"Meant to hold 90 % of slices; widths from the residuals on validation {_DATA}.",
        "",
        f"| property | share of slices of test {_DATA} inside | factor | least half width |",
        "|---|---|---|---|",
    ]
    for one in manifest.outputs:
        inside = _get(manifest, "interval_coverage_as_shipped", "test", one.property)
        unit = f"log10 {one.unit}" if one.is_log10 else one.unit
        rows.append(
            f"| {one.property} | {inside} | {one.interval_factor:.3g} "
            f"| {one.interval_floor:.3g} {unit} |"
        )
    return "\n".join(rows)


def _export(manifest: Manifest) -> str:
    done = manifest.quantisation
    if done is None:
        return "Nothing is known of the export."
    how = (
        f"Quantised to 8 bit by {done.method}, calibrated on {done.n_calibration_tiles} tiles of "
        f"training {_DATA}; a gain and an offset for each output, fitted on the same tiles, take "
        "back what rounding shifts as a whole."
        if manifest.precision == "int8"
        else "Weights are kept in 16 bit: 8 bit moved the values too far."
    )
    rows = [
        f"{how} Against the unquantised network, on {done.n_checked_tiles} tiles of test {_DATA}:",
        "",
        "| property | R2 lost | 95th percentile of the deviation, training sd |",
        "|---|---|---|",
    ]
    rows += [
        f"| {name} | {lost:+.4f} | {done.p95_deviation[name]:.4f} |"
        for name, lost in done.r2_loss.items()
    ]
    return "\n".join(rows)


def _training(source: Source, manifest: Manifest) -> str:
    told = ", ".join(f"{key} {_short(value)}" for key, value in sorted(source.run.items()))
    return (
        f"Network `{manifest.network}`; {told}. downcore {manifest.code_version}, recipe "
        f"SHA-256 `{manifest.recipe_sha256[:16]}`:\n\n```toml\n{source.recipe.strip()}\n```"
    )


def _get(manifest: Manifest, protocol: str, *keys: str) -> str:
    value = manifest.metrics.get(protocol, {}).get(".".join(keys))
    return "-" if value is None else f"{value:.3g}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
