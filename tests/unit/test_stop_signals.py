"""A stop that comes while the daemon starts: it is heeded, whatever a compiler makes of it."""

import contextlib
import signal
import threading
from dataclasses import dataclass, field

import pytest

from downcore.exit_codes import OK
from downcore.service.stop_signals import StopSignals

DEADLINE_S = 30.0


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_interrupts_a_start_and_is_no_error(number: signal.Signals) -> None:
    daemon = Starting()
    signals = StopSignals(daemon, leave=Left())

    with signals:
        signal.raise_signal(number)
        pytest.fail("the start went on")

    assert signals.has_stopped_start
    assert daemon.n_stops == 1


def test_an_error_that_a_compiler_makes_of_the_interrupt_is_no_fault_of_the_program() -> None:
    signals = StopSignals(Starting(), leave=Left())

    with signals:
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            raise RuntimeError("no compiled object yet") from None

    assert signals.has_stopped_start


def test_a_start_that_swallows_the_interrupt_ends_all_the_same() -> None:
    left = Left()

    with StopSignals(Starting(), patience_s=0.0, leave=left):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        assert left.happened.wait(DEADLINE_S), "the start would have gone on to its end"

    assert left.code == OK


def test_a_daemon_that_has_started_ends_in_its_own_time() -> None:
    daemon, left = Starting(is_starting=False), Left()
    signals = StopSignals(daemon, patience_s=0.0, leave=left)

    with signals:
        signal.raise_signal(signal.SIGTERM)
        assert not left.happened.wait(0.1)

    assert daemon.n_stops == 1
    assert not signals.has_stopped_start


def test_an_error_without_a_stop_stays_an_error() -> None:
    with pytest.raises(RuntimeError), StopSignals(Starting(), leave=Left()):
        raise RuntimeError("a bundle is damaged")


def test_signals_are_as_before_once_the_daemon_has_ended() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with StopSignals(Starting(), leave=Left()):
        assert signal.getsignal(signal.SIGTERM) != before

    assert signal.getsignal(signal.SIGTERM) == before
    assert signal.set_wakeup_fd(-1) == -1
