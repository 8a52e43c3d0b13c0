"""``downcore process`` and ``downcore mask``: finished images, without a daemon."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from downcore.exit_codes import INTERRUPTED, REFUSED


class Top(StrEnum):
    """Side of the image where the core's top is."""

    UP = "up"
    LEFT = "left"
    RIGHT = "right"


PxPerCm = Annotated[
    str | None,
    typer.Option("--px-per-cm", help="Pixels per centimetre of core; else the sidecar says it."),
]
TopOption = Annotated[Top | None, typer.Option("--top", help="Where the core's top is.")]


def process(
    images: Annotated[
        list[Path], typer.Argument(readable=False, help="Images, or folders of scans.")
    ],
    *,
    px_per_cm: PxPerCm = None,
    top: TopOption = None,
    db: Annotated[Path, typer.Option("--db", help="Store to write to; made if missing.")] = Path(
        "downcore.db"
    ),
    bundle: Annotated[
        list[str] | None, typer.Option("--bundle", help="Bundle name or folder; may be repeated.")
    ] = None,
    allow_low_resolution: Annotated[
        bool, typer.Option(help="Predict even far below the resolution of the training.")
    ] = False,
    measured: Annotated[
        Path | None,
        typer.Option(
            "--measured",
            readable=False,
            help="CSV of measured rows of the one section given, to correct its predictions with: "
            "depth_cm below the section's top and any of density, vp, ms.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option(help="Do not ask, whatever speaks against scale or side.")
    ] = False,
) -> None:
    """Turn finished images into rows of the depth log; one image after the other."""
    from downcore.commands.backlog_progress import process_progress
    from downcore.commands.correct import request_of
    from downcore.commands.process import process_files, sentences
    from downcore.service.measured_series import read_measured
    from downcore.settings import load_settings
    from downcore.strata.scan_corrections import AskedReading, Verb

    if measured is not None and (len(images) != 1 or images[0].is_dir()):
        got = "a folder" if images[0].is_dir() else len(images)
        raise typer.BadParameter(f"expected one image with --measured, got {got}")
    rows = None if measured is None else read_measured(measured)
    predict = {
        "mode": "backlog",
        **({"bundles": tuple(bundle)} if bundle else {}),
        **({"allow_low_resolution": True} if allow_low_resolution else {}),
    }
    inbox = inbox_of(px_per_cm, top)
    settings = load_settings(None, inbox=inbox, predict=predict, store={"path": db})
    said = None
    if inbox:
        reading = AskedReading(px_per_cm, None if top is None else top.value)
        said = request_of(Verb.PROCESS, " ".join(map(str, images)), reading=reading)
    insists = request_of(Verb.ACCEPT, " ".join(map(str, images)), why="--force") if force else None
    try:
        with process_progress() as (on_slices, on_backlog):
            outcomes = process_files(
                images,
                settings,
                on_slices=on_slices,
                on_backlog=on_backlog,
                measured=rows,
                said=said,
                insists=insists,
            )
    except KeyboardInterrupt:
        typer.echo("stopped; give the same images again to go on from there", err=True)
        raise typer.Exit(INTERRUPTED) from None
    for is_stored, sentence in sentences(outcomes):
        typer.echo(sentence, err=not is_stored)
    if not all(outcome.is_stored for outcome in outcomes):
        raise typer.Exit(REFUSED)


def mask(
    image: Annotated[Path, typer.Argument(readable=False, help="One finished image.")],
    *,
    out: Annotated[Path, typer.Option("--out", help="Palette PNG to write.")],
    px_per_cm: PxPerCm = None,
    top: TopOption = None,
) -> None:
    """
    Write what every pixel is: a palette PNG of the image's size, index 0 for sediment.

    The other indices are 1 tray or liner, 2 void or crack, 3 foam, 4 tag or card,
    5 glare, 6 outside the core.
    """
    from downcore.commands.mask import write_mask
    from downcore.settings import load_settings

    settings = load_settings(None, inbox=inbox_of(px_per_cm, top))
    typer.echo(write_mask(image, out, settings))


def inbox_of(px_per_cm: str | None, top: Top | None) -> dict[str, str | bool]:
    """Return what was said of the images; what was not is left to the environment."""
    return {
        # Said of these images, it counts whatever a sidecar says.
        **({"px_per_cm": px_per_cm, "overrides_sidecar": True} if px_per_cm is not None else {}),
        **({"top": top.value} if top else {}),
    }
