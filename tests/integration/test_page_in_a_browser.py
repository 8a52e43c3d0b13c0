"""The live page in a real Chromium: what a person sees, and what never leaves the computer."""

import contextlib
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from core_store import StoppedClock, make_core, row_at
from playwright.sync_api import Browser, Page, expect, sync_playwright
from programs import program

from downcore.publish import payloads
from downcore.store import Store
from downcore.strata.record import Run

pytestmark = pytest.mark.browser
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextlib.contextmanager
def served(db: Path, port: int) -> Iterator[str]:
    command = [sys.executable, "-m", "downcore", "view", str(db), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            until = time.monotonic() + 30
            while time.monotonic() < until:
                with socket.socket() as one:
                    if one.connect_ex(("127.0.0.1", port)) == 0:
                        break
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.terminate()
            server.wait(10)
            assert server.stdout is not None
            server.stdout.read()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = program("chromium")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@contextlib.contextmanager
def opened(
    browser: Browser, url: str, place: str = "", size: tuple[int, int] = (1280, 800)
) -> Iterator[tuple[Page, list[str], list[str]]]:
    """Open the page; also what it says in the console, and what it asks of others."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    said: list[str] = []
    left: list[str] = []
    page.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda one: said.append(str(one)))
    page.on("dialog", lambda one: (said.append(one.message), one.dismiss()))
    page.on(
        "request",
        lambda one: None if one.url.startswith((url, "blob:")) else left.append(one.url),
    )
    page.goto(url + place)
    page.wait_for_selector("body[data-ready]")
    yield page, said, left
    page.close()


def add_rows(db: Path, section: str, first: int, stop: int) -> None:
    with Store.open(db, clock=StoppedClock(), announce=payloads) as store:
        store.begin_run(Run("0", "0" * 64, "", "0"))
        store.commit_slices(
            section.encode().hex().zfill(32),
            [row_at(i) for i in range(first, stop)],
            n_lines_done=20 * stop,
            prefix_digest="0" * 32,
        )


def test_the_page_shows_a_section_and_asks_nobody_else(browser: Browser, tmp_path: Path) -> None:
    db = make_core(tmp_path / "a.db", {"1": 150, "2": 40})
    with served(db, free_port()) as url, opened(browser, url) as (page, said, left):
        expect(page.locator("#title")).to_have_text("145-887A-1H-1")
        expect(page.locator("#sections li")).to_have_count(2)
        page.locator("#sections button").nth(1).click()
        expect(page.locator("#title")).to_have_text("145-887A-1H-2")
        assert (said, left) == ([], [])


def test_rows_are_seen_within_a_second_and_none_is_missed_over_a_restart(
    browser: Browser, tmp_path: Path
) -> None:
    db = make_core(tmp_path / "a.db", {"1": 20})
    port = free_port()
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(contextlib.ExitStack())
        url = first.enter_context(served(db, port))
        page, _, _ = stack.enter_context(opened(browser, url))
        page.wait_for_timeout(500)
        add_rows(db, "145-887A-1H-1", 20, 21)
        expect(page.locator("#subtitle")).to_contain_text("21 cm", timeout=1000)
        first.close()
        expect(page.locator("#problem")).to_be_visible(timeout=10_000)
        add_rows(db, "145-887A-1H-1", 21, 30)
        stack.enter_context(served(db, port))
        expect(page.locator("#subtitle")).to_contain_text("30 cm", timeout=15_000)
        expect(page.locator("#problem")).to_be_hidden()


def test_keys_and_wheel_move_the_depth_and_the_address_keeps_it(
    browser: Browser, tmp_path: Path
) -> None:
    db = make_core(tmp_path / "a.db", {"1": 150})
    with served(db, free_port()) as url:
        with opened(browser, url) as (page, said, _):
            page.locator("#log").focus()
            for key in ("+", "+", "ArrowDown"):
                page.keyboard.press(key)
            expect(page).to_have_url(re.compile("cm="))
            expect(page.locator("#said")).to_contain_text("density")
            box = page.locator("#log").bounding_box()
            assert box is not None
            page.mouse.move(box["x"] + 300, box["y"] + 300)
            before = page.url
            page.mouse.wheel(0, -200)
            expect(page).not_to_have_url(before)
            expect(page.locator("#readout")).to_contain_text("predicted")
            address = page.evaluate("location.hash")
            assert said == []
        with opened(browser, url, address) as (page, said, _):
            page.wait_for_timeout(300)
            assert page.evaluate("location.hash") == address
            assert said == []


def test_csv_and_png_of_what_is_shown_are_downloaded(browser: Browser, tmp_path: Path) -> None:
    db = make_core(tmp_path / "a.db", {"1": 150})
    place = "#section=145-887A-1H-1&cm=10-20"
    with served(db, free_port()) as url, opened(browser, url, place) as (page, _, _):
        page.wait_for_timeout(300)
        with page.expect_download() as csv:
            page.locator("#csv").click()
        assert len(csv.value.path().read_text().splitlines()) == 11
        with page.expect_download() as png:
            page.locator("#png").click()
        assert png.value.path().read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("size", [(390, 844), (820, 1180)])
def test_nothing_is_wider_than_a_phone_or_a_tablet(
    browser: Browser, tmp_path: Path, size: tuple[int, int]
) -> None:
    db = make_core(tmp_path / "a.db", {"1": 150})
    with served(db, free_port()) as url, opened(browser, url, size=size) as (page, said, _):
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        box = page.locator("#log").bounding_box()
        assert box is not None
        assert box["height"] > 300
        expect(page.locator("#section")).to_be_visible()
        assert said == []


def test_fifty_that_listen_are_all_told_of_a_row(tmp_path: Path) -> None:
    db = make_core(tmp_path / "a.db", {"1": 5})
    with served(db, free_port()) as url, contextlib.ExitStack() as stack:
        streams = [
            stack.enter_context(urllib.request.urlopen(f"{url}api/events", timeout=20))  # noqa: S310 - the page's own address
            for _ in range(50)
        ]
        for stream in streams:
            while b"event: start" not in stream.readline():
                pass
        add_rows(db, "145-887A-1H-1", 5, 6)
        for stream in streams:
            while b"event: rows" not in stream.readline():
                pass


def test_a_hostile_name_is_shown_and_runs_nothing(browser: Browser, tmp_path: Path) -> None:
    db = make_core(tmp_path / "a.db", {HOSTILE: 5}, expedition="", core="")
    with served(db, free_port()) as url, opened(browser, url) as (page, said, left):
        expect(page.locator("#title")).to_have_text(HOSTILE)
        assert page.locator("img").count() == 0
        assert (said, left) == ([], [])


def test_a_database_that_goes_and_another_that_comes_are_said(
    browser: Browser, tmp_path: Path
) -> None:
    db = make_core(tmp_path / "a.db", {"1": 5})
    other = make_core(tmp_path / "b.db", {"7": 9})
    with served(db, free_port()) as url, opened(browser, url) as (page, _, _):
        db.rename(tmp_path / "gone.db")
        expect(page.locator("#problem")).to_contain_text("expected a database", timeout=5000)
        other.rename(db)
        expect(page.locator("#sections li b")).to_have_text("145-887A-1H-7", timeout=5000)
        expect(page.locator("#problem")).to_be_hidden()
