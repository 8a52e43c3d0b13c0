"""The export's sub-commands of ``downcore``. torch is loaded only when they run."""

from pathlib import Path
from typing import Annotated

import typer

Bench = Annotated[
    list[Path] | None,
    typer.Option(help="Figures of 'downcore bench --json' for the card; may be repeated."),
]


def bundle(
    checkpoint: Annotated[Path, typer.Argument(help="checkpoint.pt of a finished training.")],
    *,
    out: Annotated[Path, typer.Option(help="New folder for the bundle.")],
    data: Annotated[
        Path | None,
        typer.Option(help="Release that the network learned from; generated cores if not given."),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder for tiles once cut; the user's cache if not given."),
    ] = None,
    with_fp32: Annotated[
        bool, typer.Option("--with-fp32", help="Keep the unquantised graph in the folder too.")
    ] = False,
    bench: Bench = None,
) -> None:
    """
    Export a checkpoint to a bundle: 8 bit, judged against the trained network.

    Quantises in several ways on cores of the training, keeps the one that comes nearest on
    other cores, and falls back to bfloat16 or 32 bit if it moves a value too far; where nothing
    stays near enough, nothing is written. Then loads the bundle as a device does and runs its
    golden test. Set SOURCE_DATE_EPOCH to get the same bytes again.

    Exit codes: 0 written, 66 the checkpoint cannot be used or no precision will do, 78 the
    folder or a file of figures cannot be used.
    """
    # torch takes seconds to load, and the command line lists this command without it.
    from downcore_export.run import ExportFiles, run_export  # noqa: PLC0415

    run_export(
        ExportFiles(
            checkpoint=checkpoint, out=out, cache=cache, data=data, bench=tuple(bench or ())
        ),
        with_fp32=with_fp32,
    )


def card(
    folder: Annotated[Path, typer.Argument(help="A finished bundle.")], *, bench: Bench = None
) -> None:
    """
    Write the model card of a finished bundle again, with figures of the bench.

    The bundle and its id stay what they are.

    Exit codes: 0 written, 66 the folder holds no bundle, 78 a file of figures cannot be used.
    """
    from downcore_export.bench_rows import read_bench  # noqa: PLC0415 - as above
    from downcore_export.card import rewrite_card  # noqa: PLC0415 - as above

    path = rewrite_card(folder, [read_bench(path) for path in bench or ()])
    typer.echo(f"wrote {path}")
