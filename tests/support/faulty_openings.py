"""
Databases opened by processes of which each suffers a fault at another system call.

Run under strace, which counts the calls of each process and makes a late one fail:
a process makes most of them itself before it opens a database, so that one start of Python
reaches every call of an opening.
"""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from downcore.clock import SystemClock
from downcore.store import Store

STARTS = ("none.db", "empty.db", "older.db")
"""No database, an empty file and an older database."""


def faulty_call(call: str) -> int:
    """Return which call of each process strace is to make fail; an opening makes fewer."""
    return 1024 if call == "pwrite64" else 32


def open_all(call: str, least: int, starts: Path, folder: Path) -> None:
    """
    Open copies of ``starts`` with a fault at the first ``call`` of an opening, the second ...

    Ends, after ``least`` calls or later, with the first whose fault none of the processes
    noticed. The copies are left in ``folder``, in a folder of its number for each call.
    """
    file = os.open(folder / "scratch", os.O_RDWR | os.O_CREAT)
    by_hand = calls_of(file, folder)[call]
    count = 1
    while count < faulty_call(call):
        copies = Path(shutil.copytree(starts, folder / f"{count}"))
        opened = [opens(copies / name, by_hand, faulty_call(call) - count) for name in STARTS]
        if all(opened) and count >= least:
            return
        # There are hundreds of some calls: they are tried more and more sparsely.
        count += count if call == "pwrite64" else 1
    raise AssertionError(f"expected fewer than {count} calls of {call}")


def calls_of(file: int, folder: Path) -> dict[str, Callable[[], object]]:
    """Return system calls that change nothing."""

    def unlink() -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(folder / "nothing")  # noqa: PTH108 - the system call is meant

    return {
        "unlink": unlink,
        "fdatasync": lambda: os.fdatasync(file),
        "fsync": lambda: os.fsync(file),
        "ftruncate": lambda: os.ftruncate(file, 0),
        "pwrite64": lambda: os.pwrite(file, b"", 0),
    }


def opens(path: Path, by_hand: Callable[[], object], n_calls: int) -> bool:
    """Make some calls and open a record, in a process; return whether it ended well."""
    child = os.fork()
    if child == 0:
        for _ in range(n_calls):
            by_hand()
        Store.open(path, clock=SystemClock(), announce=None).close()
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


if __name__ == "__main__":
    open_all(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
