"""The page beside a running daemon: a process of its own, which the daemon never waits for."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

from downcore.settings import Settings

NICENESS = 10
"""The daemon's threads go first."""
_END_S = 5.0


@contextlib.contextmanager
def page_beside(settings: Settings) -> Iterator[None]:
    """
    Serve the page while the block runs, where ``[page] enabled`` says so.

    Parameters
    ----------
    settings : Settings
        Which store is shown, and where the page is.
    """
    page = settings.page
    if not page.enabled:
        yield
        return
    command = [
        sys.executable, "-m", "downcore", "view", str(settings.store.path.absolute()),
        "--host", page.host, "--port", str(page.port), "--ends-with", str(os.getpid()),
    ]  # fmt: skip
    if page.token_file is not None:
        command += ["--token-file", str(page.token_file.absolute())]
    process = subprocess.Popen(command)  # noqa: S603 - our own program, without a shell
    try:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        yield
    finally:
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
