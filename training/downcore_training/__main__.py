"""``python -m downcore_training CONFIG``: the same as ``downcore train CONFIG``."""

import typer

from downcore_training.commands import train

typer.run(train)
