"""A listener to a training run that says nothing."""


class Silent:
    """Says nothing."""

    def at(self, share: float, text: str) -> None:
        """Ignore it."""

    def note(self, text: str) -> None:
        """Ignore it."""
