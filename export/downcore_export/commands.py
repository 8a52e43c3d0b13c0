"""The export's sub-command of ``downcore``. torch is loaded only when it runs."""

from pathlib import Path
from typing import Annotated

import typer


def bundle(
    checkpoint: Annotated[Path, typer.Argument(help="checkpoint.pt of a finished training.")],
    *,
    out: Annotated[Path, typer.Option(help="New folder for the bundle.")],
    data: Annotated[
        Path | None, typer.Option(help="Cache of generated cores; the user's cache if not given.")
    ] = None,
    with_fp32: Annotated[
        bool, typer.Option("--with-fp32", help="Keep the unquantised graph in the folder too.")
    ] = False,
) -> None:
    """
    Export a checkpoint to a bundle: 8 bit, judged against the trained network.

    Quantises in several ways on cores of the training, keeps the one that comes nearest on
    other cores, and falls back to weights of 16 bit if it moves a value too far. Then loads
    the bundle as a device does and runs its golden test. Set SOURCE_DATE_EPOCH to get the
    same bytes again.

    Exit codes: 0 written, 66 the checkpoint cannot be used, 78 the folder cannot be.
    """
    # torch takes seconds to load, and the command line lists this command without it.
    from downcore_export.run import ExportFiles, run_export  # noqa: PLC0415

    run_export(ExportFiles(checkpoint=checkpoint, out=out, cache=data), with_fp32=with_fp32)
