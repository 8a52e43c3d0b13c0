"""Real logs, as their loggers wrote them, followed beside a record of their cores."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from followed_logs import followed_logs

from downcore.loggers import read_log
from downcore.store import Reader

REAL = Path(os.environ.get("DOWNCORE_REAL_DATA", "missing"))


def real(name: str) -> Path:
    path = REAL / name
    if not path.is_file():
        pytest.skip("DOWNCORE_REAL_DATA has no such file")
    return path


def growths(content: bytes) -> list[bytes]:
    """Return a file at a few lengths, most of them in the middle of a row."""
    return [content[: len(content) * k // 7] for k in range(1, 7)] + [content]


def test_odp_887a_grows_into_its_sections_to_the_last_value(tmp_path: Path) -> None:
    source = real("odp887/logs/odp887A_GRAPE_density.csv")
    log = read_log(source)
    is_1h = np.array([core == "145-887A-1H" for core in log.core])
    with followed_logs(tmp_path, dict.fromkeys("12345", 150)) as logs:
        for content in growths(source.read_bytes()):
            logs.write(source.name, content)
            logs.look()
        logs.settle()

        for section in "12345":
            mine = is_1h & np.array([one == section for one in log.section])
            points = logs.points(f"145-887A-1H-{section}")
            order = np.argsort(log.section_depth_cm[mine], kind="stable")
            known = np.isfinite(log.density[mine][order])
            assert [p.value for p in points] == log.density[mine][order][known].tolist()
        with Reader.open(logs.store.path) as reader:
            (file,) = reader.measured_files()
        assert file.summary.n_unmatched == int((~is_1h).sum())
        assert file.summary.first_unmatched == "no scan of core 145-887A-2H is in the store"


def test_m9907_by_its_file_name_and_its_low_velocities_are_doubted(tmp_path: Path) -> None:
    source = real("cascadia_m9907/M9907-23PC_MST.csv")
    sections = {str(n): 152 for n in range(1, 7)}
    with followed_logs(tmp_path, sections, expedition="M9907", core="23PC") as logs:
        for content in growths(source.read_bytes()):
            logs.write(source.name, content)
            logs.look()
        logs.settle()

        points = [p for n in sections for p in logs.points(f"M9907-23PC-{n}")]
        flags = Counter((p.property, p.flag) for p in points)
        assert not flags["vp", ""]
        assert flags["density", "out of range"] == 3
        assert flags["density", ""] > 700
        assert all(row[9] == "" for row in logs.values()), "every row has a section"


def test_lp16_names_its_sections_otherwise_and_its_density_is_doubted(tmp_path: Path) -> None:
    source = real("lago_pato_lp16/LP16_MSCL_2mm.csv")
    with followed_logs(tmp_path, {"LP161C": 80, "LP163A": 90}, expedition="", core="") as logs:
        for content in growths(source.read_bytes()):
            logs.write(source.name, content)
            logs.look()
        logs.settle()

        density = [p for p in logs.points("LP161C") if p.property == "density"]
        assert {p.flag for p in density} <= {"doubted", "out of range"}
        assert len(density) > 70
        assert logs.points("LP163A")
