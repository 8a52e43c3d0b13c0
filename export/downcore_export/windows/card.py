"""The model card of a predictor with context."""

from collections.abc import Mapping

from downcore.strata.bundle import Manifest

HELD_OUT = {"held out by section": "section", "held out by core": "core"}
"""What was held out, by the training's name of the protocol."""


def window_card(manifest: Manifest, recipe: str, bench: str) -> str:
    """Return the card, Markdown; ``bench`` are the tables of the bench, empty without."""
    parts = [
        f"# {manifest.title}, {manifest.precision}",
        _what(manifest),
        "## Use",
        _use(manifest),
        f"## Figures, by {_held_out(manifest)[0]}",
        _figures(manifest),
        bench,
        "## When it gives no value",
        _abstaining(manifest),
        "## From the trained predictor to this file",
        _export(manifest),
        "## Training",
        _training(manifest, recipe),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _what(manifest: Manifest) -> str:
    window = manifest.window
    if window is None:
        raise ValueError("expected a bundle with a window, got one of tiles")
    properties = ", ".join(f"{output.property} ({output.unit})" for output in manifest.outputs)
    return (
        f"Bundle `{manifest.bundle_id}`. Predicts {properties} of {window.rows_cm} rows of a "
        f"centimetre at a time, from a window of {window.n_cm} cm at 20 px/cm: {window.above_cm} "
        f"cm above the rows and {window.below_cm} cm below. Values are what the logger of the "
        f"training cores would read at that depth. Trained on {manifest.training_data}.\n\n"
        "**Check against logged values of your own cores before you rely on any value.**"
    )


def _use(manifest: Manifest) -> str:
    low, high = manifest.trained_px_per_cm
    board = (
        " The scan must show a white board beside the core, relative to which colours are taken; "
        "without one it gives no value."
        if manifest.window is not None and manifest.window.needs_white_board
        else ""
    )
    return (
        f"Meant for scans of split sediment cores like those of the training, of {low / 2:g} px/cm "
        f"or more (trained as if at {low:g} to {high:g} px/cm; finer scans are averaged to 20)."
        f"{board} Not meant for other sites, hard rock, unsplit cores, X-radiographs, or decisions "
        "that nobody checks."
    )


def _figures(manifest: Manifest) -> str:
    kind, figures = _held_out(manifest)
    rows = [
        (
            f"Each {kind} was predicted by a predictor that had learned from the others. Coverage "
            f"is of the 90 % interval, each {kind} judged by the widths that the others give."
        ),
        "",
        "| property | R2 | MAE | RMSE | bias | coverage | worst section | slices | sections |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for output in manifest.outputs:
        unit = f"log10 {output.unit}" if output.is_log10 else output.unit
        cells = [
            _shown(figures.get(f"{output.property}.{key}"))
            for key in ("r2", "mae", "rmse", "bias", "coverage", "worst_section_coverage")
        ]
        counts = [
            f"{figures.get(f'{output.property}.{key}', 0):.0f}" for key in ("n", "n_sections")
        ]
        rows.append(f"| {output.property}, {unit} | {' | '.join([*cells, *counts])} |")
    return "\n".join(rows)


def _held_out(manifest: Manifest) -> tuple[str, Mapping[str, float]]:
    for protocol, kind in HELD_OUT.items():
        if protocol in manifest.metrics:
            return kind, manifest.metrics[protocol]
    return "section", {}


def _abstaining(manifest: Manifest) -> str:
    return (
        "A row whose colour, texture and network features are together unlike those of the "
        f"training sections gets no value: above a novelty of {manifest.novelty_threshold:.3g}. "
        f"The limit was set so that {100 * manifest.false_abstain_share:.3g} % of the rows of "
        f"sections held out lie above; the features of {manifest.n_novelty_tiles} rows say what is "
        "usual."
    )


def _export(manifest: Manifest) -> str:
    done = manifest.quantisation
    if done is None:
        return "Nothing is known of the export."
    how = {
        "int8": f"Convolutions quantised to 8 bit by {done.method}; colour, trees, the logger's "
        "reading and the novelty stay in 32 bit.",
        "f32": "Kept and computed in 32 bit: it has no convolutions that would gain by less.",
    }.get(manifest.precision, "Kept in 16 bit: 8 bit moved the values too far.")
    rows = [
        f"{how} Against the unquantised predictor, on {done.n_checked_tiles} rows:",
        "",
        "| property | R2 lost | 95th percentile of the deviation, training sd |",
        "|---|---|---|",
        *(
            f"| {name} | {lost:+.4f} | {done.p95_deviation[name]:.4f} |"
            for name, lost in done.r2_loss.items()
        ),
    ]
    return "\n".join(rows)


def _training(manifest: Manifest, recipe: str) -> str:
    run = manifest.metrics.get("run", {})
    told = "".join(f"; {key} {value:.4g}" for key, value in sorted(run.items()))
    return (
        f"Network `{manifest.network}`{told}. downcore {manifest.code_version}. SHA-256 of the "
        f"sections (labels, colours): `{manifest.data_sha256.get('training', '')}`.\n\nThe recipe, "
        f"SHA-256 `{manifest.recipe_sha256[:16]}`:\n\n```toml\n{recipe.strip()}\n```"
    )


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
