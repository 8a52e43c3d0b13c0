"""``downcore compose``: what one finished image is made of."""

from pathlib import Path
from typing import Annotated

import typer

from downcore.cli.images import PxPerCm, TopOption, inbox_of


def compose(
    image: Annotated[Path, typer.Argument(readable=False, help="One finished image.")],
    *,
    px_per_cm: PxPerCm = None,
    top: TopOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="PNG to write: image, regions, tracks.")
    ] = None,
    regions: Annotated[
        Path | None,
        typer.Option(
            "--regions",
            help="CSV to write: each region's place, size, colour, shape, class and composition.",
        ),
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option(
            "--json",
            help="JSON to write: of slices, classes and regions the groups, intervals and guard.",
        ),
    ] = None,
    classes: Annotated[
        int | None,
        typer.Option(
            "--classes",
            min=1,
            max=12,
            help="Classes of similar colour to divide the regions into; as many as their colours "
            "need unless given.",
        ),
    ] = None,
    table: Annotated[
        list[str] | None,
        typer.Option(
            "--table",
            help="End-member table by name, or a file written with a slash; may be repeated: "
            "the first that a slice's observations can hold is used.",
        ),
    ] = None,
    bundle: Annotated[
        str | None, typer.Option("--bundle", help="Bundle whose density, vp and ms count.")
    ] = None,
    measured: Annotated[
        Path | None,
        typer.Option(
            "--measured",
            readable=False,
            help="CSV of measured rows, which stand before the bundle's: depth_cm below the "
            "section's top and any of density, vp, ms.",
        ),
    ] = None,
    known: Annotated[
        Path | None,
        typer.Option(
            "--known",
            readable=False,
            help="CSV of slices of known composition, to calibrate the first table with: depth_cm "
            "and its minerals by weight, as X-ray diffraction gives them.",
        ),
    ] = None,
) -> None:
    """
    Estimate what each centimetre of an image is made of, with 90 % intervals.

    Groups that the data say little of are marked; slices of which nothing can be said abstain,
    with the reason.
    """
    from downcore.commands.compose import ComposeInputs, compose_image
    from downcore.commands.compose_outputs import (
        ComposeOutputs,
        check_outputs,
        sentence_of,
        write_outputs,
    )
    from downcore.commands.progress import slice_progress
    from downcore.settings import load_settings

    settings = load_settings(
        None,
        inbox=inbox_of(px_per_cm, top),
        predict={"mode": "backlog", **({"bundles": (bundle,)} if bundle else {})},
        composition={"tables": tuple(table)} if table else {},
    )
    inputs = ComposeInputs(image, measured=measured, known=known, n_classes=classes)
    outputs = ComposeOutputs(png=out, json=json, regions=regions)
    own_tables = [Path(name) for name in settings.composition.tables if "/" in name]

    def check(paths: tuple[Path, ...]) -> None:
        check_outputs(outputs, (*paths, measured, known, *own_tables))

    check((image,))
    with slice_progress() as on_slices:
        made = compose_image(inputs, settings, check=check, on_slices=on_slices)
    write_outputs(outputs, made)
    typer.echo(sentence_of(made))
