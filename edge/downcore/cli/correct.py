"""``downcore redo``, ``accept``, ``rename``, ``exclude``, ``include``, ``release``, ``forget``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from downcore.cli.config import ConfigOption
from downcore.cli.images import PxPerCm, Top, TopOption
from downcore.cli.log import DbOption, store_path
from downcore.exit_codes import INTERRUPTED, REFUSED
from downcore.strata.scan_corrections import AS_SETTINGS_SAY, AskedReading, Verb

if TYPE_CHECKING:
    from downcore.commands.correction_targets import Targets

WhichScan = Annotated[
    str,
    typer.Argument(
        metavar="SECTION", help="Section, a pattern such as 'GC01_*', or a scan's identity."
    ),
]
WhichFile = Annotated[
    str,
    typer.Argument(metavar="SECTION", help="Section or file, or a pattern such as 'GC01_*'."),
]
Why = Annotated[str, typer.Option("--why", help="Reason, kept with the correction.")]


def redo(
    section: WhichFile,
    *,
    px_per_cm: PxPerCm = None,
    top: TopOption = None,
    why: Why = "",
    db: DbOption = None,
    config: ConfigOption = None,
) -> None:
    """
    Read sections again at another scale or from another side; the old rows are superseded.

    Without a scale or side they are read as the settings now say. A daemon that runs does it; else
    this command does, and goes on where it was stopped when it is given again.
    """
    reading = asked_reading(px_per_cm, top)
    targets = _correct(Verb.REDO, section, db, config, reading=reading, why=why)
    _read_again(targets, db, config)


def accept(
    section: Annotated[
        str,
        typer.Argument(
            metavar="SECTION",
            help="Section or a scan's identity; a pattern such as 'GC01_*' is for those to come, "
            "too.",
        ),
    ],
    *,
    why: Why = "",
    db: DbOption = None,
    config: ConfigOption = None,
) -> None:
    """Have scans read as they are that wait with a question; `redo` is the other answer."""
    targets = _correct(Verb.ACCEPT, section, db, config, why=why)
    _read_again(targets, db, config)


def rename(
    section: Annotated[str, typer.Argument(help="Section.")],
    new: Annotated[str, typer.Argument(help="The name that it should have.")],
    *,
    why: Why = "",
    db: DbOption = None,
    config: ConfigOption = None,
) -> None:
    """Give a section another name than its file's name says; the file keeps its own."""
    from downcore.commands.correct import refuse_taken
    from downcore.sources.inbox.section_names import safe_id

    if not new or safe_id(new) != new:
        raise typer.BadParameter(
            f"expected a name of letters, digits, '.', '_' and '-', got {new!r}; "
            f"{safe_id(new)!r} would do"
        )
    refuse_taken(store_path(db, config), new)
    reading = AskedReading(section=new)
    targets = _correct(Verb.RENAME, section, db, config, reading=reading, why=why)
    _read_again(targets, db, config)


def exclude(
    section: WhichScan, *, why: Why = "", db: DbOption = None, config: ConfigOption = None
) -> None:
    """Leave sections out of the log; with the identity of a scan, the one before stands again."""
    _correct(Verb.EXCLUDE, section, db, config, why=why)


def include(
    section: WhichScan, *, why: Why = "", db: DbOption = None, config: ConfigOption = None
) -> None:
    """Take sections in again that were excluded or forgotten."""
    _correct(Verb.INCLUDE, section, db, config, why=why)


def release(
    section: WhichFile, *, why: Why = "", db: DbOption = None, config: ConfigOption = None
) -> None:
    """Have files tried again that were set aside, for instance after the program died over them."""
    _correct(Verb.RELEASE, section, db, config, why=why)


def forget(
    section: WhichScan,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    why: Why = "",
    db: DbOption = None,
    config: ConfigOption = None,
) -> None:
    """Take sections out of every list; that it was done stays in the record. The file is kept."""
    _correct(Verb.FORGET, section, db, config, why=why, must_ask=not yes)


def asked_reading(px_per_cm: str | None, top: Top | None) -> AskedReading:
    """Return scale and side as they were given; a wrong scale is a wrong command line."""
    try:
        return AskedReading(px_per_cm=px_per_cm, top=None if top is None else top.value)
    except ValueError as error:
        raise typer.BadParameter(f"--px-per-cm: {error}") from None


def _correct(
    verb: Verb,
    asked: str,
    db: Path | None,
    config: Path | None,
    *,
    reading: AskedReading = AS_SETTINGS_SAY,
    why: str = "",
    must_ask: bool = False,
) -> "Targets | None":
    """Correct what is meant; return it, ``None`` where a daemon does the rest."""
    from downcore.commands.correct import correct, request_of
    from downcore.commands.correction_targets import find_targets

    place = store_path(db, config)
    targets = find_targets(place, verb, asked)
    if must_ask and not typer.confirm(f"{verb} {targets.words}?"):
        raise typer.Exit(REFUSED)
    done = correct(place, request_of(verb, asked, targets, reading=reading, why=why))
    for sentence in done.sentences:
        typer.echo(sentence)
    return None if done.is_by_daemon else targets


def _read_again(targets: "Targets | None", db: Path | None, config: Path | None) -> None:
    """Read what was corrected, where no daemon does, and say what became of it."""
    from downcore.commands.correct import redo_now
    from downcore.commands.progress import slice_progress
    from downcore.settings import load_settings

    if targets is None:
        return
    settings = load_settings(config, **({"store": {"path": db.absolute()}} if db else {}))
    has_all = True
    try:
        with slice_progress() as on_slices:
            for outcome in redo_now(settings, targets, on_slices=on_slices):
                has_all &= outcome.is_stored
                typer.echo(outcome.sentence, err=not outcome.is_stored)
    except KeyboardInterrupt:
        typer.echo("stopped; the same command, or the next run, goes on from there", err=True)
        raise typer.Exit(INTERRUPTED) from None
    if not has_all:
        raise typer.Exit(REFUSED)
