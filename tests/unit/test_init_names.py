"""Names for vessel and station from the host's name; what the daemon says of what it leaves out."""

import logging
from pathlib import Path

import pytest

from downcore.commands import init
from downcore.commands.host_names import names_from_host
from downcore.commands.init import look_around, write_settings
from downcore.service.left_out_report import LeftOutReport
from downcore.settings import load_settings
from downcore.sources.inbox.leaving_out import LeftOut


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("scanner1.polarstern.example", ("polarstern", "scanner1")),
        ("MSCL-PC", ("", "mscl-pc")),
        ("mscl_pc 2.ship.lan.example", ("ship", "mscl-pc-2")),
        ("scanner1.example", ("", "scanner1")),
        ("localhost.localdomain", ("", "")),
        ("localhost", ("", "")),
        ("192.168.1.7", ("", "")),
        ("", ("", "")),
    ],
)
def test_the_host_suggests_names_for_vessel_and_station(
    host: str, expected: tuple[str, str]
) -> None:
    assert names_from_host(host) == expected


def test_two_stations_that_init_sets_up_do_not_share_their_topics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inbox").mkdir()
    names = []
    for host in ("scanner1.polarstern.example", "scanner2.polarstern.example"):
        monkeypatch.setattr(init, "names_from_host", lambda host=host: names_from_host(host))
        out = tmp_path / f"{host}.toml"
        write_settings(look_around(tmp_path / "inbox"), out, may_overwrite=False)
        station = load_settings(out).station
        names.append((station.vessel, station.station))

    assert names == [("polarstern", "scanner1"), ("polarstern", "scanner2")]


def test_the_daemon_says_what_it_leaves_out_once_and_later_only_what_is_new(
    caplog: pytest.LogCaptureFixture,
) -> None:
    inbox = Path("/inbox")
    bin_ = LeftOut(inbox / "#recycle", is_folder=True, kind="recycle bins")
    copy = LeftOut(inbox / "GC01 (1).tif", is_folder=False, kind="copies")
    report = LeftOutReport(inbox)
    with caplog.at_level(logging.INFO):
        for left_out in ([bin_], [bin_], [bin_, copy], [bin_, copy]):
            report.update(left_out)

    assert [record.getMessage().split(";")[0] for record in caplog.records] == [
        "left out: recycle bins: 1 folder: #recycle/",
        "left out: copies: 1 file: GC01 (1).tif",
    ]
