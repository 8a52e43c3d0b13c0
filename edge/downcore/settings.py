"""
The settings of the device: one TOML file, over which ``DOWNCORE_*`` variables go.

``DOWNCORE_MQTT__HOST=broker`` sets ``[mqtt] host``. A key that does not exist is
an error that names the nearest one that does; nothing is guessed.
"""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableSourceError

from downcore.strata.depth import LineScale
from downcore.strata.errors import SettingsError
from downcore.strata.input_text import exact_ratio, shown


def _exact_scale(text: str) -> str:
    ratio = exact_ratio(text)
    if ratio is None:
        raise ValueError('expected pixels per centimetre such as "200", "98.4" or "1000/3"')
    LineScale(ratio)
    return text


PxPerCm = Annotated[str, AfterValidator(_exact_scale)]
"""Pixels per centimetre as exact decimal text, ``"200"`` or ``"98.4"``."""


MAX_SECONDS = 31_536_000.0
"""A year: longer waits overflow timers of the system."""


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, coerce_numbers_to_str=True, allow_inf_nan=False
    )


class InboxSettings(_Section):
    """Where the scanner writes, and how its images lie."""

    path: Path = Field(
        default=Path("inbox"), description="Folder the core logger writes to; only read."
    )
    px_per_cm: PxPerCm | None = Field(
        default=None,
        description="Scan lines per centimetre of core; leave out where sidecars say it.",
    )
    top: Literal["up", "left", "right"] | None = Field(
        default=None,
        description="Side of the image where the core's top is; leave out for the format's own.",
    )
    settle_s: float = Field(
        default=20.0,
        ge=0,
        le=MAX_SECONDS,
        description="Seconds a file must stay the same before it counts as finished.",
    )
    give_up_s: float = Field(
        default=900.0,
        ge=0,
        le=MAX_SECONDS,
        description="Seconds after which a still, incomplete file is quarantined.",
    )
    reconcile_s: float = Field(
        default=30.0,
        gt=0,
        le=MAX_SECONDS,
        description="Seconds between full looks at the folder; events only make it sooner.",
    )
    watch_events: bool = Field(
        default=True, description="Use file events as hints; a full look is the truth either way."
    )
    name_patterns: tuple[str, ...] = Field(
        default=(),
        description="Extra name patterns with the groups core, section, half, expedition.",
    )
    max_pixels: int = Field(
        default=600_000_000,
        gt=0,
        le=10**12,
        description="Largest image accepted, pixels; checked before decoding.",
    )


class StationSettings(_Section):
    """Who is speaking."""

    vessel: str = Field(default="vessel", min_length=1, description="First part of every topic.")
    station: str = Field(default="scanner", min_length=1, description="Second part of every topic.")


class StoreSettings(_Section):
    """Where the record is kept."""

    path: Path = Field(default=Path("downcore.db"), description="SQLite file on a local disk.")


class PredictSettings(_Section):
    """Which bundles run, and how."""

    bundles: tuple[str, ...] = Field(
        default=("hrnet-deeplabv3plus",),
        description="Names of reference bundles, or folders of your own written with a slash, such "
        "as ./mine; several run side by side.",
    )
    mode: Literal["live", "backlog"] = Field(
        default="live",
        description="live: every centimetre at once; backlog: most centimetres a second.",
    )
    allow_low_resolution: bool = Field(
        default=False,
        description="Predict even from scans far below the resolution of the training.",
    )
    tiles_per_slice: int = Field(
        default=8, ge=1, le=32, description="Most 1 cm tiles looked at across one slice."
    )
    threads: int = Field(
        default=0, ge=0, le=1024, description="Inference threads; 0 takes every core."
    )


class CompositionSettings(_Section):
    """What slices are made of, and how that is found."""

    enabled: bool = Field(
        default=True, description="Find regions and mineral groups; the depth log is kept anyway."
    )
    tables: tuple[str, ...] = Field(
        default=("marine", "marine-colour"),
        min_length=1,
        description="End-member tables by name, or files of your own written with a slash, such as "
        "./mine.toml. The first whose groups a slice's observations can hold is used.",
    )
    superpixels: Literal["cpu", "openvino"] = Field(
        default="cpu",
        description="What cuts superpixels: compiled code, or an OpenVINO graph, which takes twice "
        "the time on a processor and 215 MB more.",
    )
    solver: Literal["exact", "openvino"] = Field(
        default="exact",
        description="What solves for minerals: exact compiled code, or an OpenVINO graph, which "
        "takes twice the time; shares differ by at most 0.0002.",
    )
    regions: Literal["merge", "segment-anything"] = Field(
        default="merge", description="What joins superpixels to regions."
    )
    segment_anything: Path | None = Field(
        default=None,
        description="Folder with your Segment Anything bundle, where regions ask for it.",
    )


class MqttSection(_Section):
    """The ship's broker."""

    enabled: bool = Field(default=True, description="Publish at all; the store is kept either way.")
    host: str = Field(default="127.0.0.1", min_length=1, description="Broker's name or address.")
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


class LogSettings(_Section):
    """What the daemon says of itself."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least level."
    )


class Settings(BaseSettings):
    """Every setting of the device."""

    model_config = SettingsConfigDict(
        env_prefix="DOWNCORE_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    inbox: InboxSettings = InboxSettings()
    station: StationSettings = StationSettings()
    store: StoreSettings = StoreSettings()
    predict: PredictSettings = PredictSettings()
    composition: CompositionSettings = CompositionSettings()
    mqtt: MqttSection = MqttSection()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no .env files are read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no secrets folder
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, file."""
        file = settings_cls.model_config.get("toml_file")
        toml = (TomlConfigSettingsSource(settings_cls, Path(str(file))),) if file else ()
        return (init_settings, env_settings, *toml)


def load_settings(path: Path | None, **sections: Mapping[str, Any]) -> Settings:
    """
    Read the settings.

    Parameters
    ----------
    path : Path or None
        TOML file; ``None`` takes the defaults and the environment alone. Relative
        paths inside it count from the file's folder.
    **sections : mapping
        Values that win over file and environment, by section.

    Raises
    ------
    SettingsError
        If the file cannot be read, or a key or value is wrong; says which and what is right.
    """
    if path is not None:
        _check_readable(path)
    _check_environment()

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=path)

    try:
        settings = FromFile(**sections)  # type: ignore[arg-type] # sections are checked by pydantic
    except ValidationError as error:
        where = str(path) if path else "the settings"
        raise SettingsError("\n".join(_complaints(where, error))) from None
    except UnreadableSourceError as error:
        raise SettingsError(
            f"environment: {error}; a list is written as JSON, as in "
            """DOWNCORE_PREDICT__BUNDLES='["resnet-18"]'"""
        ) from None
    except RecursionError:
        raise SettingsError(
            "environment: expected a list written as JSON, got brackets nested too deep; mend the "
            "variable of downcore that has them"
        ) from None
    return _anchored(settings, path.parent if path else Path())


def known_keys() -> dict[str, str]:
    """Return every key as ``section.key``, with what it means."""
    return {
        f"{section}.{key}": field.description or ""
        for section, model in _models().items()
        for key, field in model.model_fields.items()
    }


def origin_of(key: str, path: Path | None) -> str:
    """Return where ``section.key`` gets its value: ``environment``, ``file`` or ``default``."""
    section, name = key.split(".", 1)
    if f"DOWNCORE_{section}__{name}".upper() in os.environ:
        return "environment"
    if path is not None:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        if name in told.get(section, {}):
            return "file"
    return "default"


def _models() -> dict[str, type[BaseModel]]:
    return {
        name: field.annotation
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }


def _check_readable(path: Path) -> None:
    try:
        # Written out, so that a hexadecimal number of thousands of digits is refused, too.
        repr(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SettingsError(
            f"expected a settings file at {path}, got: {error.strerror}; "
            "'downcore init INBOX' writes one"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"expected TOML in {path}, got: {error}") from None
    except (ValueError, RecursionError):
        raise SettingsError(
            f"expected settings in {path}, got a number of thousands of digits, or brackets "
            "nested too deep; mend the file, or write another with 'downcore init INBOX'"
        ) from None


def _check_environment() -> None:
    sections = _models()
    for variable in os.environ:
        if not variable.startswith("DOWNCORE_"):
            continue
        rest = variable.removeprefix("DOWNCORE_").lower()
        if "__" not in rest and rest.partition("_")[0] not in sections:
            continue
        # A section by itself is JSON; with a single underscore, a key would be passed over.
        if rest in sections:
            continue
        key = rest.replace("__" if "__" in rest else "_", ".", 1)
        if key not in known_keys() or "__" not in rest:
            raise SettingsError(
                f"environment: unknown variable {variable}; {_nearest(key, list(known_keys()))}"
                f"; sections: {', '.join(sections)}"
            )


def _complaints(where: str, error: ValidationError) -> Iterator[str]:
    for one in error.errors():
        loc = [str(part) for part in one["loc"]]
        key = ".".join(loc)
        if one["type"] == "extra_forbidden":
            within = list(known_keys()) if len(loc) > 1 else list(_models())
            yield f"{where}: unknown key {key}; {_nearest(key, within)}"
        else:
            yield f"{where}: {key}: {one['msg']}, got {shown(one['input'])}"


def _nearest(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]}?"
    section = key.split(".", 1)[0]
    same = [k for k in known if k.startswith(f"{section}.")]
    return f"known: {', '.join(same or known)}"


def _anchored(settings: Settings, folder: Path) -> Settings:
    """Return the settings with relative paths counted from ``folder``."""
    # A relative name may also be one of the credentials that systemd hands over.
    credentials = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent"))

    def at(path: Path | None) -> Path | None:
        if path is None or (not path.is_absolute() and (credentials / path).is_file()):
            return path
        return folder / path.expanduser()

    def named_at(name: str) -> str:
        # Without a slash it is the name of a bundle or table that comes with the device.
        return str((folder / Path(name).expanduser()).absolute()) if "/" in name else name

    mqtt, composition = settings.mqtt, settings.composition
    return settings.model_copy(
        update={
            "inbox": settings.inbox.model_copy(update={"path": at(settings.inbox.path)}),
            "store": settings.store.model_copy(update={"path": at(settings.store.path)}),
            "predict": settings.predict.model_copy(
                update={"bundles": tuple(map(named_at, settings.predict.bundles))}
            ),
            "composition": composition.model_copy(
                update={
                    "tables": tuple(map(named_at, composition.tables)),
                    "segment_anything": at(composition.segment_anything),
                }
            ),
            "mqtt": mqtt.model_copy(
                update={
                    name: at(getattr(mqtt, name))
                    for name in ("password_file", "ca_file", "cert_file", "key_file")
                }
            ),
        }
    )
