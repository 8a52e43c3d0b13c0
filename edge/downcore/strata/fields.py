"""Values of dataclasses from parsed JSON or TOML, with the place of whatever is wrong."""

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from downcore.strata.input_text import shown

_T = TypeVar("_T")

_NAMES = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}


def value_of(kind: type[_T], raw: object, where: str = "", *, has_defaults: bool = True) -> _T:
    """
    Return the dataclass that a table of a file holds.

    Parameters
    ----------
    kind : type
        A dataclass of texts, numbers, other such dataclasses, and mappings and tuples of them.
    raw : object
        What a parser of JSON or TOML made of the table.
    where : str
        What messages call the table's place; empty for the file itself.
    has_defaults : bool, default True
        Whether a key may be left out whose field has a default.

    Raises
    ------
    ValueError
        If a key is missing, unknown or of a wrong kind; says where it stands.
    """
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)  # type: ignore[arg-type] # a dataclass, as is said above
    if not isinstance(raw, dict):
        raise _wrong(where, f"expected a table of keys, got {shown(raw)}")
    for key in raw:
        if key not in hints:
            raise _wrong(where, f"unknown key {key}{nearest(key, hints)}")
    for field in fields:
        is_needed = field.default is field.default_factory is dataclasses.MISSING
        if field.name not in raw and (is_needed or not has_defaults):
            raise _wrong(where, f"expected the key {field.name!r}, got none")
    inside = f"{where}." if where else ""
    return kind(
        **{
            key: _typed(hints[key], value, inside + key, has_defaults=has_defaults)
            for key, value in raw.items()
        }
    )


def nearest(key: str, known: Iterable[str]) -> str:
    """Return a hint at the known key that is most like one that is unknown; empty for none."""
    near = difflib.get_close_matches(key, list(known), n=1, cutoff=0.5)
    return f", did you mean {near[0]!r}?" if near else ""


def _typed(wanted: Any, raw: Any, where: str, *, has_defaults: bool) -> Any:
    origin, inner = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (typing.Union, types.UnionType):
        (wanted,) = (member for member in inner if member is not types.NoneType)
        return None if raw is None else _typed(wanted, raw, where, has_defaults=has_defaults)
    if origin is tuple:
        return _tuple(inner, raw, where, has_defaults=has_defaults)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(raw, dict):
            raise _wrong(where, f"expected a table of keys, got {shown(raw)}")
        return {
            key: _typed(inner[1], value, f"{where}.{key}", has_defaults=has_defaults)
            for key, value in raw.items()
        }
    if dataclasses.is_dataclass(wanted):
        return value_of(wanted, raw, where, has_defaults=has_defaults)  # type: ignore[arg-type] # a class
    is_whole_for_float = wanted is float and type(raw) is int
    # A bool is an int to Python, and nobody means one here.
    if type(raw) is not wanted and not is_whole_for_float:
        raise _wrong(where, f"expected {_NAMES[wanted]}, got {shown(raw)}")
    try:
        return wanted(raw)
    except OverflowError:
        raise _wrong(where, "expected a number, got one of too many digits") from None


def _tuple(
    inner: tuple[Any, ...], raw: object, where: str, *, has_defaults: bool
) -> tuple[Any, ...]:
    if not isinstance(raw, list):
        raise _wrong(where, f"expected a list, got {shown(raw)}")
    kinds = (inner[0],) * len(raw) if inner[-1] is Ellipsis else inner
    if len(raw) != len(kinds):
        raise _wrong(where, f"expected {len(kinds)} values, got {len(raw)}")
    return tuple(
        _typed(kind, value, f"{where}[{i}]", has_defaults=has_defaults)
        for i, (kind, value) in enumerate(zip(kinds, raw, strict=True))
    )


def _wrong(where: str, what: str) -> ValueError:
    return ValueError(f"{where}: {what}" if where else what)
