"""Names of files as text; a file system holds bytes, and not all of them are text."""

import os
from pathlib import Path


def printable(path: Path | str) -> str:
    r"""Return a path as text that any terminal, log or JSON can carry; odd bytes as ``\xNN``."""
    plain = str(path)
    if plain.isascii() and plain.isprintable():
        return plain
    text = raw_bytes(plain).decode("utf-8", errors="backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def raw_bytes(text: str) -> bytes:
    """Return the bytes of a name as the file system holds them."""
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:
        return text.encode("utf-8", errors="surrogatepass")
