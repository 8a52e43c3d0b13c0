"""
The settings of the device: one TOML file, over which ``DOWNCORE_*`` variables go.

``DOWNCORE_MQTT__HOST=broker`` sets ``[mqtt] host``. A key that does not exist is
an error that names the nearest one that does; nothing is guessed. Each sink brings a
section of its own, named as the sink.
"""

import difflib
import logging
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError, create_model
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as UnreadableSourceError

from downcore.publish.sink import SinkSettings
from downcore.publish.sinks import sinks
from downcore.settings.file_text import shown_value, values_in
from downcore.settings.sections import (
    CompositionSettings,
    DoubtSettings,
    InboxSettings,
    LoggersSettings,
    LogSettings,
    PageSettings,
    PredictSettings,
    StationSettings,
    StoreSettings,
)
from downcore.strata.errors import SettingsError

logger = logging.getLogger(__name__)

RENAMED = {"inbox.most_pixels": "inbox.max_pixels"}
"""Keys under their names of the version before, which still count, with a warning."""


class Settings(BaseSettings):
    """Every setting of the device; :func:`settings_model` adds a section for each sink."""

    model_config = SettingsConfigDict(
        env_prefix="DOWNCORE_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    inbox: InboxSettings = InboxSettings()
    doubts: DoubtSettings = DoubtSettings()
    station: StationSettings = StationSettings()
    store: StoreSettings = StoreSettings()
    loggers: LoggersSettings = LoggersSettings()
    predict: PredictSettings = PredictSettings()
    composition: CompositionSettings = CompositionSettings()
    page: PageSettings = PageSettings()
    log: LogSettings = LogSettings()

    def sink(self, name: str) -> SinkSettings:
        """Return the section of the sink called ``name``."""
        section: SinkSettings = getattr(self, name)
        return section


@cache
def settings_model() -> type[Settings]:
    """Return the model of every section: those of the device, then one for each sink."""
    sections: dict[str, Any] = {
        name: (sink.settings, sink.settings()) for name, sink in sinks().items()
    }
    return create_model("Settings", __base__=Settings, **sections)


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
    file = {} if path is None else _renamed(values_in(path), str(path))
    _check_environment()

    class FromFile(settings_model()):  # type: ignore[misc] # made from the sinks there are
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no .env files are read
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no secrets folder
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            environment = _renamed(env_settings(), "environment")
            return (
                init_settings,
                InitSettingsSource(settings_cls, environment),
                InitSettingsSource(settings_cls, file),
            )

    try:
        settings: Settings = FromFile(**sections)  # pyright: ignore[reportArgumentType] # checked by pydantic
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
    names = [
        tuple(key.split(".", 1)),
        *(old.split(".") for old, new in RENAMED.items() if new == key),
    ]
    if any(f"DOWNCORE_{section}__{name}".upper() in os.environ for section, name in names):
        return "environment"
    file = {} if path is None else values_in(path)
    return "file" if any(name in file.get(section, {}) for section, name in names) else "default"


def _models() -> dict[str, type[BaseModel]]:
    return {
        name: field.annotation
        for name, field in settings_model().model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }


def _renamed(values: dict[str, Any], where: str) -> dict[str, Any]:
    """Return values with the keys of the version before under their names of this one."""
    for old, new in RENAMED.items():
        (section, old_key), (_, new_key) = old.split("."), new.split(".")
        given = values.get(section)
        if not isinstance(given, dict) or old_key not in given:
            continue
        if new_key in given:
            raise SettingsError(
                f"{where}: expected {new} alone, got {old} beside it; leave {old} out"
            )
        logger.warning(
            "%s: %s is now called %s; the old name ends with this version", where, old, new
        )
        values = values | {section: {new_key if k == old_key else k: v for k, v in given.items()}}
    return values


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
        if key not in {*known_keys(), *RENAMED} or "__" not in rest:
            raise SettingsError(
                f"environment: unknown variable {variable}; {_nearest(key, list(known_keys()))}"
                f"; sections: {', '.join(sections)}"
            )


def _complaints(where: str, error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        loc = [str(part) for part in fault["loc"]]
        key = ".".join(loc)
        if fault["type"] == "extra_forbidden":
            within = list(known_keys()) if len(loc) > 1 else list(_models())
            yield f"{where}: unknown key {key}; {_nearest(key, within)}"
        else:
            yield f"{where}: {key}: {fault['msg']}, got {shown_value(key, fault['input'])}"


def _nearest(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    if near:
        # Of sections there are few, and one that looks alike may be another sink's.
        others = "" if "." in near[0] else f" known: {', '.join(known)}"
        return f"did you mean {near[0]}?{others}"
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

    def anchored(section: BaseModel) -> BaseModel:
        paths = {key: at(value) for key, value in section if isinstance(value, Path)}
        return section.model_copy(update=paths)

    def named(section: BaseModel, key: str) -> BaseModel:
        return section.model_copy(update={key: tuple(map(named_at, getattr(section, key)))})

    sections = {name: anchored(section) for name, section in settings}
    sections["predict"] = named(sections["predict"], "bundles")
    sections["composition"] = named(sections["composition"], "tables")
    return settings.model_copy(update=sections)
