"""Lets the tests of this folder import what stands in for a device."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
