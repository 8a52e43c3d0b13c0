"""A table of a file becomes a value, or a message says which key is wrong and what was expected."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from downcore.strata.fields import nearest, value_of


@dataclass(frozen=True, slots=True)
class Inner:
    name: str
    share: float = 0.5


@dataclass(frozen=True, slots=True)
class Outer:
    title: str
    count: int
    is_on: bool
    range: tuple[float, float]
    parts: tuple[Inner, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    inner: Inner | None = None


GOOD = {"title": "x", "count": 3, "is_on": True, "range": [1, 2.5]}


def test_a_table_becomes_a_value_with_its_defaults_and_what_is_inside() -> None:
    raw = GOOD | {"parts": [{"name": "a"}, {"name": "b", "share": 1}], "limits": {"low": 0}}

    found = value_of(Outer, raw)

    assert found == Outer("x", 3, True, (1.0, 2.5), (Inner("a"), Inner("b", 1.0)), {"low": 0.0})  # noqa: FBT003 - a field
    assert all(isinstance(x, float) for x in (*found.range, found.limits["low"]))
    assert value_of(Outer, GOOD | {"inner": None}).inner is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"title": 3}, "title: expected a text, got 3"),
        ({"count": True}, "count: expected a whole number, got True"),
        ({"count": 2.0}, "count: expected a whole number, got 2.0"),
        ({"is_on": 1}, "is_on: expected true or false, got 1"),
        ({"range": [1]}, "range: expected 2 values, got 1"),
        ({"range": 1}, "range: expected a list, got 1"),
        ({"range": [1, "2"]}, "range[1]: expected a number, got '2'"),
        ({"range": [1, 10**400]}, "range[1]: expected a number, got one of too many digits"),
        ({"parts": [{}]}, "parts[0]: expected the key 'name', got none"),
        ({"parts": [3]}, "parts[0]: expected a table of keys, got 3"),
        ({"inner": {"nam": "a"}}, "inner: unknown key nam, did you mean 'name'?"),
        ({"limits": {"low": None}}, "limits.low: expected a number, got None"),
        ({"limits": []}, "limits: expected a table of keys, got []"),
        ({"titel": "x"}, "unknown key titel, did you mean 'title'?"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=r"expected|unknown") as refused:
        value_of(Outer, GOOD | change)

    assert str(refused.value) == message


def test_every_key_can_be_asked_for_also_where_there_is_a_default() -> None:
    with pytest.raises(ValueError, match="mine: expected the key 'parts', got none"):
        value_of(Outer, GOOD, "mine", has_defaults=False)


def test_nothing_is_near_a_key_like_no_other() -> None:
    assert nearest("zzz", ["title"]) == ""
