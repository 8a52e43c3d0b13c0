"""How to reach a broker."""

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from downcore.strata.errors import SettingsError

MAX_IN_FLIGHT = 20
"""Largest window; brokers and clients agree on it by default."""


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """How to reach a broker, and as whom."""

    host: str
    vessel: str
    station: str
    port: int = 1883
    protocol: Literal["3.1.1", "5"] = "3.1.1"
    username: str | None = None
    password_file: Path | None = None
    """Its first line is the password; a relative one is also sought among systemd's
    credentials."""
    tls: bool = False
    ca_file: Path | None = None
    """``None`` takes the system's authorities."""
    cert_file: Path | None = None
    key_file: Path | None = None
    keepalive_s: int = 15
    window: int = field(default=MAX_IN_FLIGHT)
    """Messages sent and not yet acknowledged, 2 to 20."""

    def __post_init__(self) -> None:
        if not 2 <= self.window <= MAX_IN_FLIGHT:  # noqa: PLR2004 - one for each lane
            raise SettingsError(f"mqtt.window: expected 2 to {MAX_IN_FLIGHT}, got {self.window}")
        try:
            is_host = bool(self.host.encode("idna"))
        except UnicodeError:
            is_host = False
        if not is_host:
            raise SettingsError(f"mqtt.host: expected a name or address, got {self.host!r}")
        if self.password_file is not None and self.username is None:
            raise SettingsError("mqtt.password_file: expected mqtt.username beside it, got none")
        if (self.cert_file or self.key_file or self.ca_file) and not self.tls:
            raise SettingsError("mqtt.tls: expected true beside certificates, got false")


def read_password(settings: MqttSettings) -> str | None:
    """
    Return the password, or ``None`` where there is none.

    Raises
    ------
    SettingsError
        If the file cannot be read; the message never holds what is in it.
    """
    path = settings.password_file
    if path is None:
        return None
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and not path.is_absolute() and (Path(credentials) / path).is_file():
        path = Path(credentials) / path
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"mqtt.password_file: expected a text file that may be read at {path}, "
            f"got {type(error).__name__}"
        ) from None
    return text.split("\n", 1)[0].rstrip("\r")


def tls_context(settings: MqttSettings) -> ssl.SSLContext | None:
    """
    Return how to encrypt, or ``None`` where it is not asked for.

    Raises
    ------
    SettingsError
        If a certificate or key cannot be used.
    """
    if not settings.tls:
        return None
    try:
        context = ssl.create_default_context(
            cafile=None if settings.ca_file is None else str(settings.ca_file)
        )
        if settings.cert_file is not None:
            context.load_cert_chain(
                # An encrypted key is refused; asking for its password would wait for ever.
                settings.cert_file,
                settings.key_file,
                password="",
            )
    except OSError as error:
        raise SettingsError(
            f"mqtt.ca_file, cert_file, key_file: expected PEM files that may be read, got {error}"
        ) from error
    return context
