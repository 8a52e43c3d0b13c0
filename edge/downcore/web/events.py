"""What is new in the record, as Server-Sent Events that a browser resumes where it left off."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from downcore.store import Reader
from downcore.strata.errors import StoreError
from downcore.strata.record import StoreOrigin

POLL_S = 0.3
"""Between two looks at the record, while somebody listens."""
PING_S = 15.0
"""A line is sent at least so often, so that a dead connection is noticed."""
PAGE = 500
"""Announcements in one event."""


class Feed:
    """
    Looks at the record for all who listen, so that many cost as little as one.

    Parameters
    ----------
    database : Path
        The store.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._n_listeners = 0
        self._changed = asyncio.Event()
        self._origin: StoreOrigin | None = None
        self.problem = ""
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    async def events(self, last_event_id: str) -> AsyncGenerator[str]:
        """
        Yield events for one browser, from where it was.

        Parameters
        ----------
        last_event_id : str
            As the browser sends it, ``epoch-instance-seq``; anything else starts now.
        """
        self._n_listeners += 1
        if self._task is None or self._task.done():
            self._origin, self.problem = await run_in_threadpool(self._look)
            self._task = asyncio.create_task(self._watch())
        try:
            async for event in self._events(last_event_id):
                yield event
        finally:
            self._n_listeners -= 1

    def close(self) -> None:
        """End every stream."""
        self._is_closed = True
        self._wake()

    async def _events(self, last_event_id: str) -> AsyncGenerator[str]:
        at = last_event_id
        problem = ""
        yield "retry: 1000\n\n"
        while not self._is_closed:
            changed = self._changed
            if self.problem != problem:
                problem = self.problem
                yield _event("problem", {"problem": problem})
            elif self._origin is not None and not problem and at != _id(self._origin):
                at, text = await run_in_threadpool(self._news, at, self._origin)
                yield text
                continue
            try:
                await asyncio.wait_for(changed.wait(), PING_S)
            except TimeoutError:
                yield ": still here\n\n"

    async def _watch(self) -> None:
        while self._n_listeners and not self._is_closed:
            await asyncio.sleep(POLL_S)
            found = await run_in_threadpool(self._look)
            if found != (self._origin, self.problem):
                self._origin, self.problem = found
                self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _look(self) -> tuple[StoreOrigin | None, str]:
        try:
            with Reader.open(self._database) as reader:
                return reader.origin(), ""
        except StoreError as error:
            return self._origin, str(error)

    def _news(self, at: str, origin: StoreOrigin) -> tuple[str, str]:
        """Return where a browser is after an event, and the event."""
        after = _seq(at, origin)
        if after is not None:
            with contextlib.suppress(StoreError), Reader.open(self._database) as reader:
                entries = reader.entries(after, PAGE)
                if entries:
                    place = _place(origin, entries[-1].seq)
                    kinds = sorted({(one.section_id, str(one.kind)) for one in entries})
                    rows = [{"section": section, "kind": kind} for section, kind in kinds]
                    data = {"first": entries[0].seq, "last": entries[-1].seq, "changed": rows}
                    return place, _event("rows", data, place)
        return _id(origin), _event("start", {"seq": origin.head_seq}, _id(origin))


def _place(origin: StoreOrigin, seq: int) -> str:
    return f"{origin.epoch}-{origin.instance_id}-{seq}"


def _id(origin: StoreOrigin) -> str:
    return _place(origin, origin.head_seq)


def _seq(at: str, origin: StoreOrigin) -> int | None:
    """Return the announcement that a browser saw last; ``None`` where it saw another store."""
    before, _, seq = at.rpartition("-")
    is_ours = before == f"{origin.epoch}-{origin.instance_id}"
    if not is_ours or not (seq.isascii() and seq.isdecimal() and len(seq) < 19):  # noqa: PLR2004 - digits of an SQLite integer
        return None
    return int(seq) if int(seq) <= origin.head_seq else None


def _event(name: str, data: object, place: str = "") -> str:
    number = f"id: {place}\n" if place else ""
    return f"{number}event: {name}\ndata: {json.dumps(data)}\n\n"
