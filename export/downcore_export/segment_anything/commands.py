"""The sub-command of ``downcore`` that makes a bundle of Segment Anything."""

from pathlib import Path
from typing import Annotated

import typer


def segment_anything(
    checkpoint: Annotated[
        Path, typer.Argument(help="MobileSAM's checkpoint, mobile_sam.pt; none is shipped.")
    ],
    *,
    to: Annotated[Path, typer.Option(help="New folder for the bundle.")],
    licence: Annotated[
        str, typer.Option(help="Licence of the checkpoint, such as Apache-2.0; kept with it.")
    ],
    side: Annotated[
        int, typer.Option(help="Side of the encoder's picture: 512 is fast, 1024 as trained.")
    ] = 512,
    precision: Annotated[
        str, typer.Option(help="f32, or bf16 where the processor can: faster, not as exact.")
    ] = "f32",
) -> None:
    """
    Make a bundle that refines regions out of a checkpoint of Segment Anything.

    Only arrays are read from the checkpoint. Its parts are converted for OpenVINO, compared
    with the checkpoint's network and then loaded as a device does; where they differ, nothing
    is written. Set SOURCE_DATE_EPOCH to get the same bytes again.

    Exit codes: 0 written, 66 the checkpoint cannot be used, 78 the folder or an option cannot.
    """
    # torch takes seconds to load, and the command line lists this command without it.
    from downcore_export.segment_anything.run import make_bundle  # noqa: PLC0415

    made = make_bundle(checkpoint, to, licence=licence, side_px=side, precision=precision)
    typer.echo(made)
