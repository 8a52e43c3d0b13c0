"""No name of a section can reach a topic that is not its own."""

import re
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from downcore.publish.topics import ROOT, Topics, escape

ANY_TEXT = st.text(st.characters(), max_size=60)


@given(ANY_TEXT)
@example("")
@example("%")
@example(".")
@example("..")
@example("a/b+c#$\x00\n")
@example("\udcff")
def test_an_escaped_part_is_one_harmless_level_and_can_be_had_back(part: str) -> None:
    level = escape(part)

    assert re.fullmatch(r"[A-Za-z0-9._%-]+", level), "a character with a meaning got through"
    assert level.strip(".") != "", "a level of dots would climb"
    if part:
        back = unquote_to_bytes(level).decode("utf-8", errors="surrogatepass")
        assert back == part


@given(ANY_TEXT, ANY_TEXT)
def test_two_names_never_share_a_topic(one: str, other: str) -> None:
    assert (escape(one) == escape(other)) == (one == other)


@pytest.mark.parametrize("name", ["CRU1-GC01-1A", "379-U1533B-12H-3-A", "a_b.c"])
def test_names_that_scanners_give_stay_readable(name: str) -> None:
    assert escape(name) == name


def test_topics_are_these() -> None:
    topics = Topics("RV One", "mscl")

    assert topics.status == f"{ROOT}/RV%20One/mscl/status"
    assert topics.birth == "downcore/v1/RV%20One/mscl/birth"
    assert topics.section_log("S/1") == "downcore/v1/RV%20One/mscl/section/S%2F1/log"
    assert topics.section_latest("S1") == "downcore/v1/RV%20One/mscl/section/S1/latest"
    assert topics.section_state("") == "downcore/v1/RV%20One/mscl/section/%/state"
