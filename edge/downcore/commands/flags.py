"""``downcore flags``: the flags on measured logs, and acknowledging them."""

import uuid
from pathlib import Path
from typing import TextIO

from rich.table import Table

from downcore.clock import SystemClock
from downcore.commands.correct import user_name, wait_for_daemon
from downcore.commands.flag_words import span, state, title
from downcore.commands.log_table import print_table
from downcore.commands.process import announcer_of
from downcore.file_names import printable
from downcore.store import Reader, Store, requests
from downcore.strata.errors import StoreBusyError, UnknownFlagError
from downcore.strata.flags import Acknowledgement, is_open


def list_flags(db: Path, section: str | None, out: TextIO, *, with_all: bool = False) -> None:
    """
    Print the flags of a section, or of all, those that nobody has acknowledged first.

    Parameters
    ----------
    db : Path
        The store.
    section : str or None
        Which; ``None`` for all.
    out : TextIO
        Where it is written.
    with_all : bool, default False
        Print cleared ones as well.
    """
    with Reader.open(db) as reader:
        known = reader.flags(section)
    shown = sorted(
        (one for one in known if with_all or not one.is_cleared),
        key=lambda one: (not is_open(one), one.section_id, one.top_um, one.flag_no),
    )
    table = Table(box=None, pad_edge=False)
    for name in ("flag", "section", "cm", "what", "score", "state", "why"):
        table.add_column(name)
    for one in shown:
        table.add_row(
            str(one.flag_no),
            one.section_id,
            span(one),
            title(one),
            f"{one.score:.3g} (limit {one.limit:.3g})",
            state(one),
            one.evidence,
        )
    if shown:
        print_table(table, out)
    else:
        out.write("no flags\n")
    n_cleared = sum(one.is_cleared for one in known)
    if n_cleared and not with_all:
        out.write(f"cleared: {n_cleared}; `downcore flags --all` lists them\n")


def acknowledge(db: Path, flag_no: int, word: str) -> str:
    """
    Record that the person who gives the command has seen a flag; return what to tell them.

    Raises
    ------
    UnknownFlagError
        If the store has no such flag.
    StoreError
        If it can neither be written nor handed to the daemon that runs.
    """
    with Reader.open(db) as reader:
        flag = reader.flag(flag_no)
    if flag is None:
        raise UnknownFlagError(
            f"expected the number of a flag, got {flag_no}; `downcore flags` lists them"
        )
    said = Acknowledgement(
        uuid.uuid4().hex,
        flag_no,
        user_name(),
        SystemClock().utc_rfc3339(),
        printable(word),
    )
    try:
        with Store.open(db, clock=SystemClock(), announce=announcer_of(db)) as store:
            store.take_requests()
            store.acknowledge(said)
    except StoreBusyError:
        return wait_for_daemon(requests.hand_over_acknowledgement(db.absolute(), said))
    return f"flag {flag_no}, {title(flag)} in {flag.section_id}, acknowledged by {said.made_by}"
