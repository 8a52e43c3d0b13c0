"""
A stop that comes while the daemon starts: it is heeded, whatever a compiler makes of it.

Each case is a process of its own, since real signals are sent.
"""

import contextlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from downcore.exit_codes import OK
from downcore.service.stop_signals import StopSignals

DEADLINE_S = 60.0


@dataclass
class Starting:
    """A daemon that is compiling, or has begun to look at the inbox."""

    is_starting: bool = True
    n_stops: int = 0

    def stop(self) -> None:
        self.n_stops += 1


@dataclass
class Left:
    """Stands for the end of the process."""

    code: int = -1
    happened: threading.Event = field(default_factory=threading.Event)

    def __call__(self, code: int) -> None:
        self.code = code
        self.happened.set()


def interrupted(number: int) -> dict[str, Any]:
    daemon = Starting()
    signals = StopSignals(daemon, leave=Left())
    went_on = False
    with signals:
        signal.raise_signal(number)
        went_on = True
    return {
        "has stopped": signals.has_stopped_start,
        "stops": daemon.n_stops,
        "went on": went_on,
    }


def sigterm() -> dict[str, Any]:
    return interrupted(signal.SIGTERM)


def sigint() -> dict[str, Any]:
    return interrupted(signal.SIGINT)


def turned_into_an_error() -> dict[str, Any]:
    signals = StopSignals(Starting(), leave=Left())
    with signals:
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            raise RuntimeError("no compiled object yet") from None
    return {"has stopped": signals.has_stopped_start}


def swallowed() -> dict[str, Any]:
    left = Left()
    with StopSignals(Starting(), patience_s=0.0, leave=left):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        left.happened.wait(DEADLINE_S / 2)
    return {"code": left.code}


def started() -> dict[str, Any]:
    daemon, left = Starting(is_starting=False), Left()
    signals = StopSignals(daemon, patience_s=0.0, leave=left)
    with signals:
        signal.raise_signal(signal.SIGTERM)
        left.happened.wait(0.1)
    return {"code": left.code, "stops": daemon.n_stops, "has stopped": signals.has_stopped_start}


def as_before() -> dict[str, Any]:
    before = signal.getsignal(signal.SIGTERM)
    with StopSignals(Starting(), leave=Left()):
        is_other = signal.getsignal(signal.SIGTERM) != before
    return {
        "is other": is_other,
        "is as before": signal.getsignal(signal.SIGTERM) == before,
        "wakes": signal.set_wakeup_fd(-1),
    }


def answer_of(case: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what a case says in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, case.__name__],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("case", [sigterm, sigint])
def test_a_stop_interrupts_a_start_and_is_no_error(case: Callable[[], dict[str, Any]]) -> None:
    assert answer_of(case) == {"has stopped": True, "stops": 1, "went on": False}


def test_an_error_that_a_compiler_makes_of_the_interrupt_is_no_fault_of_the_program() -> None:
    assert answer_of(turned_into_an_error) == {"has stopped": True}


def test_a_start_that_swallows_the_interrupt_ends_all_the_same() -> None:
    assert answer_of(swallowed) == {"code": OK}, "the start would have gone on to its end"


def test_a_daemon_that_has_started_ends_in_its_own_time() -> None:
    assert answer_of(started) == {"code": -1, "stops": 1, "has stopped": False}


def test_an_error_without_a_stop_stays_an_error() -> None:
    with pytest.raises(RuntimeError), StopSignals(Starting(), leave=Left()):
        raise RuntimeError("a bundle is damaged")


def test_signals_are_as_before_once_the_daemon_has_ended() -> None:
    assert answer_of(as_before) == {"is other": True, "is as before": True, "wakes": -1}


if __name__ == "__main__":
    json.dump(globals()[sys.argv[1]](), sys.stdout)
