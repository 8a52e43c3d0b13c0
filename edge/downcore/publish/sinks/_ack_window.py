"""Which announcements are under way, and up to where everything has arrived; pure."""

from collections import deque


class AckWindow:
    """
    Messages sent and not yet acknowledged on one connection.

    Acknowledgements may come in any order; the watermark moves only over an
    unbroken run of them, so that nothing before it can be lost.

    Parameters
    ----------
    acked_seq : int
        The announcement up to which everything had arrived before.
    """

    def __init__(self, acked_seq: int) -> None:
        self._watermark = acked_seq
        self._under_way: dict[int, float] = {}
        self._order: deque[tuple[int, int]] = deque()

    def __len__(self) -> int:
        return len(self._under_way)

    @property
    def watermark(self) -> int:
        """The announcement up to which everything has arrived."""
        return self._watermark

    def sent(self, message: int, *, now_s: float, seq: int | None = None) -> None:
        """Add a message; ``seq`` where it is an announcement, in rising order."""
        self._under_way[message] = now_s
        if seq is not None:
            self._order.append((message, seq))

    def acked(self, message: int) -> None:
        """Take out a message that has arrived; an unknown one is ignored."""
        self._under_way.pop(message, None)
        while self._order and self._order[0][0] not in self._under_way:
            self._watermark = self._order.popleft()[1]

    def oldest_s(self) -> float | None:
        """Return when the message that waits longest was sent; ``None`` if none waits."""
        return min(self._under_way.values(), default=None)
