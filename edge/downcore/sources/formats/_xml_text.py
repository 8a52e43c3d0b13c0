"""The text of an XML file whose declaration may be wrong about its encoding."""

import codecs
import re

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_SHAPES = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
"""How UTF-16 begins where it has no mark."""

_DECLARED = re.compile(
    rb"<\?xml[^>]{0,200}?encoding\s{0,9}=\s{0,9}[\"']([A-Za-z0-9._-]{1,30})[\"']"
)
_DECLARATION = re.compile(r"\A<\?xml[^>]*\?>")
_ACCEPTED = re.compile(
    r"(iso-8859-(?:[1-9]|1[013456])|windows-125[0-8]|shift_jis|euc-jp|euc-kr|gb2312|gbk|gb18030|big5)"
)
"""Encodings besides Unicode's that are accepted from a declaration; other names are ignored."""


def decoded_xml(raw: bytes) -> str:
    """
    Return an XML file's text, without its declaration and without blanks and zeros at its ends.

    A byte order mark wins over the declared name. Where that is unknown, such as ``ANSI``, or does
    not fit the bytes, they are read as UTF-8, else as Windows-1252, else as Latin-1.
    """
    body = raw.lstrip(b" \t\r\n")
    for start, encoding in (*_BOMS, *_SHAPES):
        if body.startswith(start):
            # A copy may end in the middle of a character.
            return _tidy(body.decode(encoding, errors="replace"))
    body = body.strip(b"\0")
    for encoding in (*_declared(body), "utf-8", "cp1252"):
        try:
            return _tidy(body.decode(encoding))
        except UnicodeDecodeError:
            continue
    return _tidy(body.decode("latin-1"))


def _declared(body: bytes) -> tuple[str, ...]:
    found = _DECLARED.match(body)
    name = found[1].decode("ascii").lower() if found else ""
    return (name,) if _ACCEPTED.fullmatch(name) else ()


def _tidy(text: str) -> str:
    return _DECLARATION.sub("", text.strip("\0 \t\r\n\ufeff"))
