"""A logger's folder beside a record with a core, and a clock that is set by hand."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core_store import make_core

from downcore.publish import payloads
from downcore.service.logger_folder import LoggerFolder
from downcore.sources.inbox.leaving_out import LeaveOut
from downcore.store import Reader, Store
from downcore.strata.measured import MeasuredPoint

SETTLE_S = 20.0


@dataclass
class SetClock:
    """A clock that goes on when it is told to."""

    now_s: float = 0.0

    def monotonic_s(self) -> float:
        return self.now_s

    def utc_rfc3339(self) -> str:
        minutes, seconds = divmod(int(self.now_s), 60)
        return f"2026-02-01T{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}.000Z"


@dataclass
class FollowedLogs:
    """A folder that is followed."""

    folder: Path
    store: Store
    clock: SetClock = field(default_factory=SetClock)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget all but the record, as the end of the program does."""
        self.logs = LoggerFolder(
            self.folder, self.store, self.clock, settle_s=SETTLE_S, leave_out=LeaveOut()
        )

    def write(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)

    def look(self) -> None:
        """Look once the files may be read again, before they have settled."""
        self.clock.now_s += 6.0
        self.logs.look()

    def settle(self) -> None:
        """Look until every file counts as finished."""
        self.look()
        self.clock.now_s += SETTLE_S
        self.logs.look()

    def points(self, section_id: str) -> list[MeasuredPoint]:
        with Reader.open(self.store.path) as reader:
            return reader.measured_of(section_id)

    def values(self) -> list[tuple[object, ...]]:
        """Return every value that counts, in order of its place in the files."""
        return self.store._database.conn.execute(
            "SELECT path, line, property, row.core, row.section, file_depth_um, frame, section_id,"
            " depth_um, unmatched, value, flag, footprint_um FROM measured_row AS row"
            " JOIN measured_file AS file ON file.file_no = row.log_no"
            " WHERE superseded_by IS NULL ORDER BY 1, 2, 3"
        ).fetchall()


@contextlib.contextmanager
def followed_logs(
    place: Path, lengths_cm: dict[str, int] | None = None, **core: object
) -> Iterator[FollowedLogs]:
    """Make a record with a core, 145-887A-1H of two sections by default, and follow a folder."""
    folder = place / "logger"
    folder.mkdir(parents=True, exist_ok=True)
    db = make_core(place / "a.db", lengths_cm or {"1": 100, "2": 80}, **core)  # type: ignore[arg-type] # as named
    with Store.open(db, clock=SetClock(), announce=payloads) as store:
        yield FollowedLogs(folder, store)
