"""Notes about many files said once a kind, with how many there are; the full list in a file."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from downcore.strata.reasons import such_as

_ENDS = ".,;:()'\""
_FILE = re.compile(r".+\.[A-Za-z][A-Za-z0-9]{1,4}")
_MARKS = re.compile(r"#(?:,? (?:and )?#)+")


def notes_by_kind(notes: Iterable[str]) -> list[str]:
    """
    Return one line for each kind of note, in the order in which kinds come first.

    A kind is what a note says but for numbers and the names of files, cores and sections. Its
    line is the first note of it, with how many more there are and the first few they are about.
    """
    kinds: dict[str, list[str]] = {}
    for note in dict.fromkeys(notes):
        kinds.setdefault(_kind_of(note), []).append(note)
    return [_line(same) for same in kinds.values()]


def write_notes(notes: Sequence[str], path: Path) -> str:
    """
    Write every note into a file, and return in a sentence where; empty where all were said.

    A folder that cannot be written is no reason to end a run.
    """
    if len(notes_by_kind(notes)) == len(notes):
        return ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{note}\n" for note in notes), encoding="utf-8")
    except OSError as error:
        return f"cannot write every note to {path}: {error.strerror}"
    return f"all {len(notes)} notes, each with its file: {path}"


def _line(same: Sequence[str]) -> str:
    first, *others = same
    subjects = tuple(dict.fromkeys(map(_subject_of, others)))
    return f"{first} (and {len(others)} more like it: {such_as(subjects)})" if others else first


def _kind_of(note: str) -> str:
    head, colon, rest = note.partition(": ")
    # What stands before the first colon, and is one word, is what the note is about.
    text = f"#: {rest}" if colon and " " not in head else note
    return _MARKS.sub("#", " ".join(_masked(word) for word in text.split()))


def _masked(word: str) -> str:
    bare = word.strip(_ENDS)
    return word.replace(bare, "#") if bare and _is_name(bare) else word


def _is_name(word: str) -> bool:
    """Return whether a word is a number, or the name of a file, core or section."""
    return any(letter.isdigit() for letter in word) or _FILE.fullmatch(word) is not None


def _subject_of(note: str) -> str:
    """Return the file that a note is about, else what it begins with."""
    words = [word.strip(_ENDS) for word in note.split()]
    return next((word for word in words if _FILE.fullmatch(word)), words[0] if words else note)
