"""The live page's server: one database, read only."""

import contextlib
import io
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from downcore.commands.beside_rows import beside_of
from downcore.commands.log_columns import LOG_COLUMNS, log_rows
from downcore.commands.log_table import print_csv
from downcore.service.live_status import read_status
from downcore.sources import Limits
from downcore.store import Reader
from downcore.store.daemon_lock import is_in_use
from downcore.store.page_rows import bundle_names, page_connection
from downcore.store.stored_values import StoredScan
from downcore.strata.depth import SLICE_UM
from downcore.strata.errors import DowncoreError, StoreError
from downcore.web import answers
from downcore.web.access import Guard, check_access
from downcore.web.events import Feed
from downcore.web.pictures import Previews

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_MAX_NAME = 200
"""Longest identity of a scan in a request."""


class _UnknownScanError(DowncoreError):
    """The record lacks what was asked for."""


class Page:
    """
    Answers of the page for one database.

    Parameters
    ----------
    database : Path
        The store; it may be missing, and come or be replaced later.
    limits : Limits
        How large an image may be that a preview is made of.
    """

    def __init__(self, database: Path, limits: Limits) -> None:
        self._database = database
        self._previews = Previews(database, limits)
        self.feed = Feed(database)
        """What is new in the record."""
        self._assets = {
            one.name: one.read_bytes()
            for one in (files("downcore.web") / "static").iterdir()
            if Path(one.name).suffix in _TYPES
        }

    def app(self, token: str) -> Guard:
        """Return the application; an empty token lets in this computer's own readers."""

        @contextlib.asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            yield
            self.feed.close()

        routes = [
            Route("/", self.index),
            Route("/static/{name}", self.asset),
            Route("/api/station", _answer(self.station)),
            Route("/api/sections", _answer(self.sections)),
            Route("/api/colours", _answer(self.colours)),
            Route("/api/log", _answer(self.log)),
            Route("/api/log.csv", _answer(self.log_csv)),
            Route("/api/picture.jpg", _answer(self.picture)),
            Route("/api/events", self.events),
        ]
        return Guard(Starlette(routes=routes, lifespan=lifespan), token)

    def close(self) -> None:
        """End the streams, so that the server can end."""
        self.feed.close()

    def index(self, _: Request) -> Response:
        """Return the page."""
        return Response(self._assets["index.html"], media_type=_TYPES[".html"])

    def asset(self, request: Request) -> Response:
        """Return a file of the page."""
        name = request.path_params["name"]
        if name not in self._assets:
            return Response("no such file\n", status_code=404, media_type="text/plain")
        return Response(self._assets[name], media_type=_TYPES[Path(name).suffix])

    def station(self, _: Request) -> Response:
        """Return how the daemon and its disk fare."""
        said = read_status(self._database)
        free = None
        with contextlib.suppress(OSError):
            free = shutil.disk_usage(self._database.absolute().parent).free
        with Reader.open(self._database) as reader, page_connection(self._database) as connection:
            aside = [one.reason for one in reader.quarantined() if one.reason]
            counts = reader.counts()
            return JSONResponse(
                {
                    "database": self._database.name,
                    "is_running": is_in_use(self._database) and bool(said and not said.ended),
                    "reasons": list(said.reasons) if said else [],
                    "sinks": [
                        {"name": one.name, "is_connected": one.is_connected, "problem": one.problem}
                        for one in (said.sinks if said else ())
                    ],
                    "backlog": said.backlog.sentence() if said else "",
                    "disk_free_bytes": free,
                    "set_aside": len(aside),
                    "questions": [
                        {"section": one.scan.section_id, "question": one.status.reason}
                        for one in reader.questioned()[:50]
                    ],
                    "bundles": bundle_names(connection),
                    "n_sections": counts.sections,
                    "n_slices": counts.slices,
                }
            )

    def sections(self, _: Request) -> Response:
        """Return the sections."""
        with Reader.open(self._database) as reader:
            return JSONResponse(answers.sections(reader))

    def colours(self, request: Request) -> Response:
        """Return the mean colours of a scan from top to bottom, for its thumbnail."""
        with Reader.open(self._database) as reader:
            scan_id = _scan(reader, request).scan.scan_id
        return JSONResponse(answers.colours(self._database, scan_id))

    def log(self, request: Request) -> Response:
        """Return what a scan holds within a span of depth."""
        n_steps = _whole(request.query_params.get("steps", "1000"), "steps", 1, answers.MAX_STEPS)
        span_um = _span_um(request)
        with Reader.open(self._database) as reader:
            stored = _scan(reader, request)
        return JSONResponse(answers.log(self._database, stored, span_um, n_steps))

    def log_csv(self, request: Request) -> Response:
        """Return rows of a scan as CSV, with the columns of ``downcore log --csv``."""
        top_um, bottom_um = _span_um(request)
        out = io.StringIO()
        with Reader.open(self._database) as reader:
            stored = _scan(reader, request)
            found, scan_id = stored.scan, stored.scan.scan_id
            rows = [one.row for one in reader.scan_log(scan_id)]
            beside = beside_of(reader, found.section_id, rows, stored.status.state)
            shown = (
                row
                for row in rows
                if row.core_slice.bottom_um > top_um and row.core_slice.top_um < bottom_um
            )
            print_csv(LOG_COLUMNS, log_rows(found.section_id, scan_id, shown, beside), out)
        name = f"attachment; filename=depthlog-{scan_id[:8]}.csv"
        return Response(
            out.getvalue(), media_type="text/csv", headers={"content-disposition": name}
        )

    def picture(self, request: Request) -> Response:
        """Return a picture of a scan, where its files are still what was scanned."""
        with Reader.open(self._database) as reader:
            stored = _scan(reader, request)
            digest = reader.prefix_digest(stored.scan.scan_id)
        found = self._previews.jpeg(stored, digest)
        if isinstance(found, str):
            # Not an error: the page draws the mean colours of the record in its place.
            return Response(status_code=204, headers={"x-downcore-why": "no-picture"})
        length_um = round(stored.status.n_lines_done * SLICE_UM / stored.scan.px_per_cm)
        headers = {"cache-control": "max-age=60", "x-downcore-length-um": str(length_um)}
        return Response(found, media_type="image/jpeg", headers=headers)

    def events(self, request: Request) -> Response:
        """Return what is new, as it comes."""
        at = request.headers.get("last-event-id", "")[:_MAX_NAME]
        return StreamingResponse(self.feed.events(at), media_type="text/event-stream")


def serve(
    database: Path,
    *,
    host: str,
    port: int,
    token: str,
    limits: Limits,
    ends_with: int | None = None,
) -> None:
    """
    Serve the page of a database until stopped.

    Parameters
    ----------
    database : Path
        The store.
    host, port : str, int
        Where to listen.
    token : str
        What readers must show; empty for nothing.
    limits : Limits
        How large an image may be that a preview is made of.
    ends_with : int, optional
        The process that started this one; the page ends when it does, however that ends.

    Raises
    ------
    SettingsError
        If others can reach it and it asks for no token.
    """
    check_access(host, token)
    page = Page(database, limits)
    config = uvicorn.Config(
        page.app(token),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=300,
        timeout_graceful_shutdown=1,
    )
    _Server(config, page, ends_with).run()


class _Server(uvicorn.Server):
    """Ends the streams of the page before it waits for them."""

    def __init__(self, config: uvicorn.Config, page: Page, ends_with: int | None) -> None:
        super().__init__(config)
        self._page = page
        self._ends_with = ends_with

    async def on_tick(self, counter: int) -> bool:
        is_left = self._ends_with is not None and os.getppid() != self._ends_with
        return await super().on_tick(counter) or is_left

    async def shutdown(self, sockets: Any = None) -> None:
        self._page.close()
        await super().shutdown(sockets)


def _answer(make: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """Return an answer that says what is wrong with the record, or with the request."""

    def answer(request: Request) -> Response:
        try:
            return make(request)
        except _UnknownScanError as error:
            return _problem(404, str(error))
        except ValueError as error:
            return _problem(400, str(error))
        except StoreError as error:
            return _problem(503, str(error))
        except DowncoreError as error:
            return _problem(409, str(error))

    return answer


def _problem(code: int, text: str) -> Response:
    return Response(json.dumps({"problem": text}), status_code=code, media_type="application/json")


def _scan(reader: Reader, request: Request) -> StoredScan:
    name = request.query_params.get("scan", "")[:_MAX_NAME]
    found = reader.scan(name)
    if found is None:
        raise _UnknownScanError("expected the identity of a scan of this store, got another")
    return found


def _span_um(request: Request) -> tuple[int, int]:
    """Return the span of depth in the section that a request asks for; the whole by default."""
    query = request.query_params
    top_um = _whole(query.get("top_um", "0"), "top_um", 0, answers.MAX_UM)
    last = str(answers.MAX_UM)
    return top_um, _whole(query.get("bottom_um", last), "bottom_um", top_um, answers.MAX_UM)


def _whole(text: str, name: str, lowest: int, highest: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(highest))):
        raise ValueError(f"expected {name} as a whole number, got {text[:40]!r}")
    if not lowest <= int(text) <= highest:
        raise ValueError(f"expected {name} from {lowest} to {highest}, got {text}")
    return int(text)
