"""The processor and OpenVINO version that computed the values, for their provenance."""

import functools
import os
from dataclasses import dataclass
from pathlib import Path

from downcore.inference.openvino_runtime import openvino

_TELLING_FLAGS = ("avx2", "avx512", "avx_vnni", "amx", "fma", "asimd", "sve", "i8mm", "bf16")


@dataclass(frozen=True, slots=True)
class Device:
    """The processor and OpenVINO version; where both are equal, results are equal bit for bit."""

    processor: str
    """Its name, as OpenVINO reads it."""
    n_usable_cpus: int
    """CPUs that this process may run on."""
    cpu_flags: tuple[str, ...]
    """Instruction sets that decide which kernels run, sorted; empty where unknown."""
    openvino_version: str


@functools.cache
def describe_device() -> Device:
    """Return the processor and the version of OpenVINO; the same at every call."""
    return Device(
        processor=str(openvino.Core().get_property("CPU", "FULL_DEVICE_NAME")),
        n_usable_cpus=usable_cpus(),
        cpu_flags=_cpu_flags(Path("/proc/cpuinfo")),
        openvino_version=str(openvino.get_version()),
    )


@functools.cache
def computes_bf16() -> bool:
    """Return whether the processor has instructions for bfloat16; the same at every call."""
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def usable_cpus() -> int:
    """Return how many CPUs this process may run on, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(len(os.sched_getaffinity(0)), 1)
    return os.cpu_count() or 1


def _cpu_flags(cpuinfo: Path) -> tuple[str, ...]:
    try:
        lines = cpuinfo.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ()
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip().lower() in {"flags", "features"}:
            flags = value.split()
            return tuple(sorted(f for f in flags if any(t in f for t in _TELLING_FLAGS)))
    return ()
