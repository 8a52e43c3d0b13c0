"""
OpenVINO, imported without its telemetry.

The package looks up the host name of an analytics service while it is imported.
A ship has no business doing so, and a dead link would stall the start. Where the
telemetry module cannot be imported, OpenVINO goes on with its own stand-in.
Everything that needs OpenVINO takes it from here.
"""

import importlib
import sys
from typing import Any

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment] # None forbids the import

openvino: Any = importlib.import_module("openvino")
preprocess: Any = importlib.import_module("openvino.preprocess")
