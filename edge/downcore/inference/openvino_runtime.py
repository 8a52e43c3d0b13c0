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


def compile_for(graph: Any, *, n_threads: int = 1, is_bf16: bool = False) -> Any:
    """
    Return ``graph`` (openvino.Model) compiled for the processor, in streams of one thread each.

    It computes in 32 bit, or in bfloat16 where asked; sums have the same order on any processor.
    """
    return openvino.Core().compile_model(graph, "CPU", settings_for(n_threads, is_bf16=is_bf16))


def settings_for(n_threads: int, *, is_bf16: bool) -> dict[str, object]:
    """Return the settings of :func:`compile_for`."""
    return {
        # Without this hint some processors silently compute in bfloat16.
        "INFERENCE_PRECISION_HINT": "bf16" if is_bf16 else "f32",
        "NUM_STREAMS": n_threads,
        "INFERENCE_NUM_THREADS": n_threads,
        # Pinned threads compete with other pinned threads on a shared workstation.
        "ENABLE_CPU_PINNING": False,
    }
