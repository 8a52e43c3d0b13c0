"""The live page: fewer points with nothing lost, who may read, what is answered."""

import json
import math
from pathlib import Path

import pytest
from core_store import make_core
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from downcore.sources import Limits
from downcore.store import Reader
from downcore.strata.errors import SettingsError
from downcore.web.access import check_access, is_loopback
from downcore.web.decimation import steps
from downcore.web.server import Page

TOKEN = "0123456789abcdef"  # noqa: S105 - of the tests
VALUES = st.lists(
    st.none() | st.floats(allow_nan=False, allow_infinity=False, width=32), max_size=200
)


@given(values=VALUES, n_steps=st.integers(1, 300))
def test_the_lowest_and_highest_value_of_every_step_survive(
    values: list[float | None], n_steps: int
) -> None:
    found = steps(values, n_steps)
    assert len(found) == min(n_steps, len(values))
    assert [one.first for one in found[1:]] == [one.stop for one in found[:-1]]
    for one in found:
        known = [v for v in values[one.first : one.stop] if v is not None]
        assert one.lowest == (min(known) if known else None)
        assert one.highest == (max(known) if known else None)


def test_a_row_alone_among_empty_ones_is_still_drawn() -> None:
    values = [None] * 500 + [2.5] + [None] * 500
    assert [one.lowest for one in steps(values, 10) if one.lowest is not None] == [2.5]


def client(path: Path, token: str = "", **headers: str) -> TestClient:
    return TestClient(
        Page(path, Limits()).app(token), base_url="http://127.0.0.1:8887", headers=headers
    )


@pytest.fixture
def core(tmp_path: Path) -> Path:
    return make_core(tmp_path / "core.db", {"1": 150, "2": 20}, tops_um={"1": 0, "2": 1_500_000})


def scan_of(page: TestClient) -> str:
    return str(page.get("/api/sections").json()[0]["scan"])


def test_every_answer_forbids_what_the_page_does_not_bring(core: Path) -> None:
    page = client(core)
    for path in ("/", "/static/page.js", "/api/sections", "/api/log?scan=none", "/nothing"):
        policy = page.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy


def test_the_page_names_nothing_outside_this_computer(core: Path) -> None:
    page = client(core)
    for name in ("", "static/page.js", "static/draw.js", "static/page.css"):
        text = page.get(f"/{name}").text
        assert "https://" not in text
        assert "innerHTML" not in text


def test_sections_lie_where_the_depth_ledger_says(core: Path) -> None:
    first, second = client(core).get("/api/sections").json()
    assert first["n_slices"] == 150
    assert second["core"] == "145-887A-1H"


def test_a_log_has_its_rows_and_no_more_steps_than_asked(core: Path) -> None:
    page = client(core)
    log = page.get(f"/api/log?scan={scan_of(page)}").json()
    assert log["n_slices"] == 150
    assert len(log["series"][0]["low"]) == 150
    few = page.get(f"/api/log?scan={scan_of(page)}&steps=10").json()
    series = few["series"][0]
    assert len(series["low"]) == 10
    assert math.isclose(min(series["low"]), 1.0)
    assert math.isclose(max(series["high"]), 1.149)


def test_a_span_of_depth_has_the_slices_that_touch_it(core: Path) -> None:
    page = client(core)
    span = f"scan={scan_of(page)}&top_um=100000&bottom_um=200000"
    assert page.get(f"/api/log?{span}").json()["slices"]["top"] == list(
        range(100_000, 200_000, 10_000)
    )
    lines = page.get(f"/api/log.csv?{span}").text.splitlines()
    assert len(lines) == 11


@pytest.mark.parametrize(
    "query",
    ["steps=0", "steps=99999", "steps=1e3", "top_um=-1", "top_um=" + "9" * 400, "bottom_um=x",
     "top_um=5&bottom_um=2", "steps=%D9%A1"],
)  # fmt: skip
def test_a_request_that_is_out_of_bounds_says_what_was_expected(core: Path, query: str) -> None:
    page = client(core)
    answer = page.get(f"/api/log?scan={scan_of(page)}&{query}")
    assert answer.status_code == 400
    assert answer.json()["problem"].startswith("expected")
    assert len(answer.text) < 200


@pytest.mark.parametrize("scan", ["", "x" * 5000, "'; DROP TABLE scan --", "<script>"])
def test_an_unknown_scan_is_not_found_and_not_repeated(core: Path, scan: str) -> None:
    answer = client(core).get("/api/log", params={"scan": scan})
    assert answer.status_code == 404
    assert "script" not in answer.text


def test_a_missing_empty_or_foreign_database_is_said_and_the_page_stays_up(tmp_path: Path) -> None:
    path = tmp_path / "later.db"
    page = client(path)
    assert page.get("/").status_code == 200
    assert "expected a database" in page.get("/api/sections").json()["problem"]
    path.write_bytes(b"no database at all" * 100)
    assert page.get("/api/sections").status_code == 503
    path.unlink()
    make_core(path, {"1": 3})
    assert len(page.get("/api/sections").json()) == 1


def test_without_a_token_only_this_computers_names_are_answered(core: Path) -> None:
    page = client(core)
    assert page.get("/api/sections").status_code == 200
    assert page.get("/api/sections", headers={"host": "evil.example"}).status_code == 421
    assert page.get("/api/sections", headers={"host": "localhost:1"}).status_code == 200


def test_with_a_token_nothing_is_read_without_it(core: Path) -> None:
    page = client(core, TOKEN)
    for path in ("/", "/api/sections", "/api/events", "/static/page.js", "/?token=wrong"):
        assert page.get(path).status_code == 401
    shown = {"authorization": f"Bearer {TOKEN}"}
    assert page.get("/api/sections", headers=shown).status_code == 200
    answer = page.get(f"/?token={TOKEN}", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert page.get("/api/sections").status_code == 200


def test_a_page_that_others_reach_needs_a_token_worth_the_name() -> None:
    check_access("127.0.0.1", "")
    check_access("0.0.0.0", TOKEN)  # noqa: S104 - what is tested
    for host, token in (("0.0.0.0", ""), ("10.1.1.1", ""), ("::", ""), ("127.0.0.1", "short")):  # noqa: S104 - what is tested
        with pytest.raises(SettingsError, match="token"):
            check_access(host, token)
    assert is_loopback("::1")
    assert not is_loopback("example.org")


async def events_of(page: Page, after: str, n: int) -> list[str]:
    found = []
    stream = page.feed.events(after)
    async for event in stream:
        found.append(event)
        if len(found) == n:
            break
    await stream.aclose()
    page.close()
    return found


def test_a_browser_that_comes_back_is_told_all_that_it_missed(core: Path) -> None:
    import asyncio  # noqa: PLC0415 - this test alone

    with Reader.open(core) as reader:
        origin = reader.origin()
        entries = reader.entries(1, 10**6)
    place = f"{origin.epoch}-{origin.instance_id}"
    _, event = asyncio.run(events_of(Page(core, Limits()), f"{place}-1", 2))
    lines = dict(line.split(": ", 1) for line in event.strip().splitlines())
    assert lines["event"] == "rows"
    assert lines["id"] == f"{place}-{entries[-1].seq}"
    said = json.loads(lines["data"])
    assert (said["first"], said["last"]) == (2, entries[-1].seq)


@pytest.mark.parametrize("after", ["", "7-other-store-3", "1-x-", "rubbish\n\n", "1-" * 90])
def test_a_browser_of_another_store_starts_anew(core: Path, after: str) -> None:
    import asyncio  # noqa: PLC0415 - this test alone

    _, event = asyncio.run(events_of(Page(core, Limits()), after, 2))
    assert "event: start" in event
