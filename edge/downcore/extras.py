"""Optional libraries: which extra brings each, and the command that installs them here."""

import re
import shlex
import sys
from importlib.metadata import PackageNotFoundError, requires

EXTRA_OF = {
    "torch": "training",
    "nncf": "training",
    "onnx": "training",
    "onnxruntime": "training",
    "sklearn": "learn",
    "threadpoolctl": "learn",
    "amqtt": "demo",
    "matplotlib": "demo",
    "pandas": "notebook",
    "xarray": "notebook",
    "scipy": "notebook",
    "skimage": "notebook",
}
"""For each optional module, the extra that names what it needs."""


def install_command(module: str) -> str:
    """
    Return the command that installs an optional module into this very environment.

    It names the libraries of the module's extra, rather than downcore itself, so that it works
    whether downcore was installed from a clone, a wheel or an index.

    Parameters
    ----------
    module : str
        One of :data:`EXTRA_OF`.
    """
    wanted = _requirements(EXTRA_OF[module]) or [module]
    return shlex.join([sys.executable, "-m", "pip", "install", *wanted])


def _requirements(extra: str) -> list[str]:
    """Return what an extra asks for, with versions; nothing where this install does not know it."""
    try:
        lines = requires("downcore") or []
    except PackageNotFoundError:
        return []
    named = re.compile(rf"extra\s*==\s*['\"]{extra}['\"]")
    return [line.partition(";")[0].strip() for line in lines if named.search(line)]
