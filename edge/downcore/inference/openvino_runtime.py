"""
OpenVINO, imported without its telemetry.

The package looks up the host name of an analytics service while it is imported. On a ship this is
unwanted, and a dead link would delay the start. Without the telemetry module OpenVINO uses its own
substitute. All code that needs OpenVINO imports it from here.
"""

import importlib
import sys
from typing import Any

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment] # None forbids the import

openvino: Any = importlib.import_module("openvino")
preprocess: Any = importlib.import_module("openvino.preprocess")
