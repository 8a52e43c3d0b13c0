"""
End-member tables as a person writes them: TOML, every number with its source.

A table is read whole or refused with the place and what would be right; nothing is guessed. The
how-to is ``docs/how-to/edit-end-members.md``.
"""

from downcore.endmember_tables.files import FoundTable, find_table, preset_names
from downcore.endmember_tables.parsing import (
    DEFAULT_SHARE_SD,
    MAX_CHARACTERS,
    MAX_LAB_SD,
    parse_table,
)

__all__ = [
    "DEFAULT_SHARE_SD",
    "MAX_CHARACTERS",
    "MAX_LAB_SD",
    "FoundTable",
    "find_table",
    "parse_table",
    "preset_names",
]
