"""Programs that tests need; a test whose program is missing is skipped, or fails if told to."""

import os
import shutil

import pytest

PACKAGES = {
    "mosquitto": "mosquitto",
    "mosquitto_sub": "mosquitto-clients",
    "strace": "strace",
    "chromium": "chromium",
}
"""Debian's package of each program."""


def program(name: str) -> str:
    """
    Return where a program lies, also where only a system user's PATH looks.

    Where it is missing the test fails if ``DOWNCORE_REQUIRE`` names it, a list with commas
    between that names all that must be there, and is skipped otherwise.
    """
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is not None:
        return found
    missing = f"{name} is not installed: apt-get install {PACKAGES[name]}"
    required = {one.strip() for one in os.environ.get("DOWNCORE_REQUIRE", "").split(",")}
    if not required.isdisjoint({name, name.partition("_")[0]}):
        pytest.fail(f"DOWNCORE_REQUIRE={os.environ['DOWNCORE_REQUIRE']}, but {missing}")
    pytest.skip(missing)
