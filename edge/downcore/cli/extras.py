"""Parts of downcore that are installed only where they are wanted, and how to install them."""

import shlex
import sys
from importlib.metadata import requires

EXTRA_OF = {
    "torch": "training",
    "nncf": "training",
    "onnx": "training",
    "onnxruntime": "training",
    "sklearn": "training",
    "amqtt": "demo",
    "matplotlib": "demo",
}
"""The extra that brings a module."""


def install_command(extra: str) -> str:
    """Return a command that installs what an extra needs, wherever downcore came from."""
    named = (requirement.partition(";") for requirement in requires("downcore") or ())
    wanted = [
        name.strip()
        for name, _, marker in named
        if marker.replace("'", '"').strip() == f'extra == "{extra}"'
    ]
    return shlex.join([sys.executable, "-m", "pip", "install", *wanted])
