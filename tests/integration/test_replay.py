"""
The station makes the same of every sample as it did: rows, announcements, exit codes.

A change that is meant to alter them writes the expected record anew
(``python tests/support/replay_record.py``) and its difference is read line by line.
"""

import json
import math
from functools import cache
from typing import Any

import pytest
from replay_record import EXPECTED, as_text, of_patterns, of_sample, samples

SAMPLES = dict(samples())


@cache
def expected() -> dict[str, Any]:
    return dict(json.loads(EXPECTED.read_text()))


TOLERANCE = 1e-5
"""Of numbers: colours are computed in single precision, in an order that processors choose."""


def is_alike(made: object, recorded: object) -> bool:
    """Return whether two records say the same, numbers within the tolerance."""
    if isinstance(made, dict) and isinstance(recorded, dict):
        return made.keys() == recorded.keys() and all(
            is_alike(value, recorded[key]) for key, value in made.items()
        )
    if isinstance(made, list) and isinstance(recorded, list):
        return len(made) == len(recorded) and all(map(is_alike, made, recorded))
    if isinstance(made, float) and isinstance(recorded, float):
        return math.isclose(made, recorded, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return type(made) is type(recorded) and made == recorded


def check(kind: str, name: str, made: dict[str, Any]) -> None:
    now = json.loads(as_text({kind: {name: made}}))
    changed = [part for part in now if not is_alike(now[part], expected().get(part))]
    assert not changed, f"not as it was: {changed}"


@pytest.mark.parametrize(
    "other",
    [{"a": [1, 2.0]}, {"a": [1, 2.001, "x"]}, {"a": [2, 2.0, "x"]}, {"a": [1, None, "x"]}, {}],
)
def test_records_differ_by_any_value_beyond_rounding(other: object) -> None:
    assert is_alike({"a": [1, 2.000001, "x"]}, {"a": [1, 2.0, "x"]})
    assert not is_alike(other, {"a": [1, 2.0, "x"]})


def test_no_sample_came_or_went_unrecorded() -> None:
    recorded = {part.split(": ")[1] for part in expected() if part.startswith("sample: ")}

    assert recorded == set(SAMPLES), "write the record anew"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_gives_the_rows_announcements_and_exit_codes_it_gave(name: str) -> None:
    check("sample", name, of_sample(SAMPLES[name]))


def test_a_core_gives_the_rows_it_gave_however_it_is_written() -> None:
    for name, made in of_patterns():
        check("pattern", name, made)
