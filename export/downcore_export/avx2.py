"""
The golden test as computed by a processor without 8-bit dot products.

Such processors (AVX2 without VNNI) add products of 8 bit in 16 bit, which can saturate. A
process of its own is kept from newer instructions by environment variables:
``ONEDNN_MAX_CPU_ISA`` for the library of kernels and ``OV_CPU_MAX_ISA`` for OpenVINO's own.
The names of the chosen kernels show whether this had an effect.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from downcore.inference.compiling import compile_graph
from downcore.inference.openvino_runtime import openvino
from downcore.strata.bundle import INPUT_NAME, NOVELTY_NAME, OUTPUT_NAMES

_ENVIRONMENT = {"ONEDNN_MAX_CPU_ISA": "AVX2", "OV_CPU_MAX_ISA": "AVX2"}
_NEWER = ("avx512", "vnni", "amx")
_TIMEOUT_S = 600


def golden_deviation_on_avx2(
    xml: bytes, weights: bytes, golden: bytes, *, novelty_threshold: float
) -> float | None:
    """
    Return the largest deviation of the golden test on AVX2 alone, as a device measures it.

    Parameters
    ----------
    xml, weights : bytes
        The graph.
    golden : bytes
        Content of ``golden.npz``.
    novelty_threshold : float
        The unit in which the novelty's deviation is given.

    Returns
    -------
    float or None
        In spreads; ``None`` where the processor is of another kind, the variables had no effect or
        it took too long.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model.xml").write_bytes(xml)
        (folder / "model.bin").write_bytes(weights)
        (folder / "golden.npz").write_bytes(golden)
        path = os.pathsep.join(folder_name for folder_name in sys.path if folder_name)
        try:
            done = subprocess.run(  # noqa: S603 - this very module, with a path of its own
                [sys.executable, "-m", "downcore_export.avx2", name],
                env={**os.environ, **_ENVIRONMENT, "PYTHONPATH": path},
                capture_output=True,
                text=True,
                check=False,
                timeout=_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired:
            # Only a figure for the card, for which an export must not fail.
            return None
    if done.returncode:
        return None
    answer = json.loads(done.stdout.splitlines()[-1])
    kernels = [str(kernel) for kernel in answer["kernels"]]
    was_heeded = any("avx2" in kernel for kernel in kernels) and not any(
        newer in kernel for kernel in kernels for newer in _NEWER
    )
    return max(answer["values"], answer["novelty"] / novelty_threshold) if was_heeded else None


def _measured(folder: Path) -> dict[str, object]:
    graph = openvino.Core().read_model(folder / "model.xml")
    compiled = compile_graph(graph, n_threads=1)
    with np.load(folder / "golden.npz", allow_pickle=False) as golden:
        tiles = golden[INPUT_NAME]
        wanted = {name: golden[name] for name in (*OUTPUT_NAMES, NOVELTY_NAME)}
    batch = np.zeros(tuple(compiled.input(0).shape), np.uint8)
    apart = dict.fromkeys(wanted, 0.0)
    for first in range(0, len(tiles), len(batch)):
        some = tiles[first : first + len(batch)]
        batch[: len(some)] = some
        answers = compiled(batch)
        for name, all_of in wanted.items():
            # A window answers several rows, which the golden arrays hold one after another.
            rows = len(all_of) // len(tiles)
            got = answers[name][: len(some)]
            ideal = all_of[rows * first : rows * (first + len(some))].reshape(got.shape)
            moved = np.abs(got - ideal)
            apart[name] = float(np.maximum(apart[name], moved.max()))
    kernels = {_kernel(op) for op in compiled.get_runtime_model().get_ops()}
    return {
        "kernels": sorted(kernels),
        "values": max(apart[name] for name in OUTPUT_NAMES),
        "novelty": apart[NOVELTY_NAME],
    }


def _kernel(op: Any) -> str:
    info = op.get_rt_info()
    return str(info["primitiveType"].astype(str)) if "primitiveType" in info else ""


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measured(Path(sys.argv[1]))) + "\n")
