"""
A bundle for generated sections: one with a window that answers whatever it sees.

A bundle of real cores abstains on a generated section, and what abstains costs less: without a
white board a window is not even computed, and a slice without values is not composed.
"""

import hashlib
import io
import json
import shutil
from pathlib import Path

import numpy as np

from downcore.inference import find_bundle, load_bundle
from downcore.strata.windows import Window


def window_of(bundle: str) -> Window | None:
    """Return the window of a bundle, named as in the settings; ``None`` for one of tiles."""
    return load_bundle(find_bundle(bundle)).manifest.window


def answering(bundle: str, folder: Path) -> str:
    """
    Return a bundle that runs the same graph and gives every row a value.

    Parameters
    ----------
    bundle : str
        A name or folder, as in the settings.
    folder : Path
        Where the copy of a bundle with a window is made; one of tiles is returned as it is.
    """
    if window_of(bundle) is None:
        return bundle
    source = find_bundle(bundle)
    copy = folder / f"answering-{source.resolve().name}"
    shutil.copytree(source, copy)
    with np.load(copy / "golden.npz") as golden:
        arrays = dict(golden)
    # What the device expects where there is no limit.
    arrays["novelty_share"] = np.zeros_like(arrays["novelty_share"])
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    arrays["half_width"] = np.stack(
        [
            np.maximum(
                one["interval_factor"] * one["spread"] * np.exp(log_sd), one["interval_floor"]
            )
            for one, log_sd in zip(
                manifest["outputs"], arrays["log_sd"].T.astype(np.float64), strict=True
            )
        ],
        axis=1,
    )
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    (copy / "golden.npz").write_bytes(content.getvalue())
    manifest["novelty_threshold"] = None
    manifest["widening"] = manifest["colour_limits"] = None
    manifest["window"]["needs_white_board"] = False
    manifest["files"]["golden.npz"] = hashlib.sha256(content.getvalue()).hexdigest()
    (copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return str(copy)
