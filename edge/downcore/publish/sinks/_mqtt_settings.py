"""The ship's broker: the settings of its sink, and whether they can be used."""

import os
import re
import ssl
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from downcore.publish.sink import SinkSettings
from downcore.strata.errors import SettingsError

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_HOST_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*):(?P<port>[0-9]{1,5})")
_ENCRYPTED = frozenset({"mqtts", "ssl", "tls", "wss"})


def _host(text: str) -> str:
    """Return a host's name or address; refuse a URL or a port with the keys to write instead."""
    url = _URL.fullmatch(text)
    # The login is cut off first: a password may hold a slash, and is never repeated.
    rest = (url["rest"] if url else text).rpartition("@")[2].strip().split("/", 1)[0]
    found = _HOST_PORT.fullmatch(rest)
    host, port = (found["host"], found["port"]) if found else (rest, "")
    keys = [f'host = "{host.strip("[]")}"', *([f"port = {port}"] if port else [])]
    if url and url["scheme"].lower() in _ENCRYPTED:
        keys += ["tls = true", *([] if port else ["port = 8883"])]
    if url and url["scheme"].lower() in {"ws", "wss"}:
        raise ValueError("expected a broker reached by MQTT over TCP, not over WebSockets")
    if re.search(r"\s", host):
        raise ValueError("expected a name or address without blanks")
    if keys != [f'host = "{text}"']:
        raise ValueError(f"expected a name or address alone; write {', '.join(keys)}")
    return text


class MqttSettings(SinkSettings):
    """How to reach a broker, and as whom."""

    enabled: bool = Field(default=True, description="Publish at all; the store is kept either way.")
    host: Annotated[str, AfterValidator(_host)] = Field(
        default="127.0.0.1", min_length=1, description="Broker's name or address."
    )
    port: int = Field(default=1883, ge=1, le=65535, description="Broker's port.")
    protocol: Literal["3.1.1", "5"] = Field(default="3.1.1", description="MQTT version.")
    username: str | None = Field(
        default=None, description="User name, where the broker asks for one."
    )
    password_file: Path | None = Field(
        default=None, description="File with the password and nothing else."
    )
    tls: bool = Field(
        default=False, description="Encrypt, with the system's certificates or ca_file."
    )
    ca_file: Path | None = Field(default=None, description="Certificate authority, PEM.")
    cert_file: Path | None = Field(default=None, description="Client certificate, PEM.")
    key_file: Path | None = Field(default=None, description="Client key, PEM.")


def check(settings: MqttSettings) -> None:
    """
    Check that keys fit one another, and that the files they name can be used.

    Raises
    ------
    SettingsError
        If not; names the key.
    """
    try:
        settings.host.encode("idna")
    except UnicodeError:
        raise SettingsError(
            f"mqtt.host: expected a name or address, got {settings.host!r}"
        ) from None
    if settings.password_file is not None and settings.username is None:
        raise SettingsError("mqtt.password_file: expected mqtt.username beside it, got none")
    if (settings.cert_file or settings.key_file or settings.ca_file) and not settings.tls:
        raise SettingsError("mqtt.tls: expected true beside certificates, got false")
    read_password(settings)
    tls_context(settings)


def read_password(settings: MqttSettings) -> str | None:
    """
    Return the password, or ``None`` where there is none.

    The file's first line is the password; a relative file is also sought among the
    credentials that systemd hands over.

    Raises
    ------
    SettingsError
        If the file cannot be read; the message never holds what is in it, nor the name of a
        file that is not there, which may be the password itself.
    """
    path = settings.password_file
    if path is None:
        return None
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and not path.is_absolute() and (Path(credentials) / path).is_file():
        path = Path(credentials) / path
    try:
        text = path.read_text(encoding="utf-8")
    except (PermissionError, IsADirectoryError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"mqtt.password_file: expected a text file that may be read at {path}, "
            f"got {type(error).__name__}"
        ) from None
    except (OSError, ValueError) as error:
        raise SettingsError(
            "mqtt.password_file: expected the name of a text file that holds the password, got "
            f"none that is there ({type(error).__name__}); a relative name counts from the "
            "settings file, or from systemd's credentials"
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
