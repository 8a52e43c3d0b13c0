"""What holds for every test."""

import os

import pytest

QUIET = "DOWNCORE_DOUBTS__ASK"
"""The setting that keeps stations from asking about scans."""


@pytest.fixture(autouse=True, scope="session")
def nothing_is_asked() -> None:
    """Let small images be read: most cores of the tests are narrower than any that is real."""
    os.environ.setdefault(QUIET, "false")
