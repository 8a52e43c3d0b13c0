"""The live page, asked as a browser asks it: a server of its own, on a real record."""

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from core_store import make_core

DEADLINE_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def viewed(db: Path) -> Iterator[str]:
    """Yield the address of the page of a database, until the end of the block."""
    port = free_port()
    command = [sys.executable, "-m", "downcore", "view", str(db), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            deadline_s = time.monotonic() + DEADLINE_S
            while True:
                with socket.socket() as one:
                    if one.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert server.poll() is None, "the page ended"
                assert time.monotonic() < deadline_s, "expected the page to answer"
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def asked(address: str) -> tuple[int, Message, bytes]:
    """Return status, headers and body."""
    try:
        with urllib.request.urlopen(address, timeout=DEADLINE_S) as answer:  # noqa: S310 - our own
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def answer(address: str) -> Any:
    status, _, body = asked(address)
    assert status == 200, body
    return json.loads(body)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with viewed(make_core(tmp_path_factory.mktemp("page") / "a.db", {"1": 10, "2": 12})) as address:
        yield address


def test_the_page_is_whole_and_loads_nothing_from_elsewhere(page: str) -> None:
    status, headers, body = asked(f"{page}/")

    assert status == 200
    text = body.decode()
    assert "http://" not in text
    assert "https://" not in text
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy or "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_sections_and_their_rows_are_those_of_the_record(page: str) -> None:
    sections = answer(f"{page}/api/sections")
    assert [(one["section"], one["n_slices"]) for one in sections] == [
        ("145-887A-1H-1", 10),
        ("145-887A-1H-2", 12),
    ]

    status, headers, body = asked(f"{page}/api/log.csv?scan={sections[0]['scan']}")
    header, *lines = body.decode().splitlines()
    assert status == 200, body
    assert headers["content-type"].startswith("text/csv")
    assert header.startswith("section,scan,slice,top (cm)")
    assert {line.split(",")[0] for line in lines} == {"145-887A-1H-1"}


def test_what_is_not_there_is_said_and_the_page_stays_up(page: str) -> None:
    assert asked(f"{page}/no-such-place")[0] == 404
    assert asked(f"{page}/%3Cscript%3Ealert(1)%3C/script%3E")[0] in {400, 404}
    assert asked(f"{page}/")[0] == 200


def test_a_record_that_is_not_there_yet_does_not_end_the_page(tmp_path: Path) -> None:
    with viewed(tmp_path / "later.db") as address:
        assert asked(f"{address}/")[0] == 200
