"""
The station makes the same of every sample as it did: rows, announcements, exit codes.

A change that is meant to alter them writes the expected record anew
(``python tests/support/replay_record.py``) and its difference is read line by line.
"""

import json
from functools import cache
from typing import Any

import pytest
from replay_record import EXPECTED, as_text, of_patterns, of_sample, samples

SAMPLES = dict(samples())


@cache
def expected() -> dict[str, Any]:
    return dict(json.loads(EXPECTED.read_text()))


def check(kind: str, name: str, made: dict[str, Any]) -> None:
    now = json.loads(as_text({kind: {name: made}}))
    changed = [part for part in now if now[part] != expected().get(part)]
    assert not changed, f"not as it was: {changed}"


def test_no_sample_came_or_went_unrecorded() -> None:
    recorded = {part.split(": ")[1] for part in expected() if part.startswith("sample: ")}

    assert recorded == set(SAMPLES), "write the record anew"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_gives_the_rows_announcements_and_exit_codes_it_gave(name: str) -> None:
    check("sample", name, of_sample(SAMPLES[name]))


def test_a_core_gives_the_rows_it_gave_however_it_is_written() -> None:
    for name, made in of_patterns():
        check("pattern", name, made)
