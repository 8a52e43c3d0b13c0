"""The sections of the settings file, besides those that sinks bring."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from downcore.defaults import MAX_PIXELS, TILES_PER_SLICE
from downcore.publish.sink import SinkSettings
from downcore.strata.depth import LineScale
from downcore.strata.input_text import exact_ratio


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
    model_config = SinkSettings.model_config


Top = Literal["up", "left", "right"]
"""Side of the image where the core's top is."""


class RuleSettings(_Section):
    """What is true of the scans of one scanner: ``[[inbox.rule]]``, first match wins."""

    folder: str = Field(
        default="",
        description='Pattern of the folder in the inbox, such as "itrax/LP*", and of those below.',
    )
    name: str = Field(
        default="", description='Pattern of the file\'s name, such as "*_200ppcm.tif".'
    )
    px_per_cm: PxPerCm | None = Field(
        default=None, description="Scale of the scans that fit and whose sidecars say none."
    )
    top: Top | None = Field(default=None, description="Where the core's top is in the image.")
    overrides_sidecar: bool = Field(
        default=False, description="Use the rule's scale even where a sidecar says another."
    )
    format: str = Field(default="", description="Format that reads the files, by name.")
    exclude: bool = Field(default=False, description="Do not read the files.")
    name_pattern: str = Field(
        default="",
        description="Regular expression with the groups core, section, half, expedition.",
    )
    expedition: str = Field(default="", description="Expedition; stands before the section's name.")
    core: str = Field(default="", description="Name of the core, whatever file and sidecar say.")
    section: str = Field(default="", description="Section, whatever file and sidecar say.")
    ignores_folder: bool = Field(
        default=False,
        description="The same name in another folder is the same section, scanned again.",
    )


class InboxSettings(_Section):
    """Where the scanner writes, and how its images lie."""

    path: Path = Field(
        default=Path("inbox"), description="Folder the core logger writes to; only read."
    )
    px_per_cm: PxPerCm | None = Field(
        default=None,
        description="Scan lines per centimetre of core, where no rule or sidecar says it.",
    )
    overrides_sidecar: bool = Field(
        default=False, description="Use px_per_cm even where a sidecar says another scale."
    )
    top: Top | None = Field(
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
        default=True,
        description="Use file events as hints; a full listing decides either way.",
    )
    name_patterns: tuple[str, ...] = Field(
        default=(),
        description="Extra name patterns with the groups core, section, half, expedition.",
    )
    leave_out: tuple[str, ...] = Field(
        default=("defaults",),
        description="Names that are no scans; defaults is the built-in list, ! keeps a name.",
    )
    rule: tuple[RuleSettings, ...] = Field(
        default=(),
        description="Rules by folder or name, [[inbox.rule]] tables; the first that fits counts.",
    )
    max_pixels: int = Field(
        default=MAX_PIXELS,
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


class DoubtSettings(_Section):
    """When a scan waits for a person before its first row."""

    ask: bool = Field(
        default=True, description="Ask before rows are made of a scan that cannot be right."
    )
    min_width_cm: float = Field(
        default=2.0, ge=0.0, le=1000.0, description="Narrowest sediment that is not asked about."
    )
    max_width_cm: float = Field(
        default=20.0, gt=0.0, le=1000.0, description="Widest sediment that is not asked about."
    )
    max_length_cm: float = Field(
        default=200.0, gt=0.0, le=1e5, description="Longest section that is not asked about."
    )
    not_asked: tuple[
        Literal["width", "side", "length", "scale", "top", "aspect", "others", "ledger"], ...
    ] = Field(default=(), description="Causes that are not asked about.")


class LoggersSettings(_Section):
    """Where the core logger writes what it measures."""

    path: Path | None = Field(
        default=None,
        description="Folder of the logger's files, only read; it may be the inbox.",
    )
    name_patterns: tuple[str, ...] = Field(
        default=(),
        description="Name patterns of files that do not name their core, before the inbox's.",
    )


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
        default=TILES_PER_SLICE,
        ge=1,
        le=32,
        description="Most 1 cm tiles taken across one slice.",
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


class PageSettings(_Section):
    """The live page beside the daemon."""

    enabled: bool = Field(default=False, description="Serve the live page while the daemon runs.")
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address to listen at; any but this computer's own needs token_file.",
    )
    port: int = Field(default=8887, ge=1, le=65_535, description="Port of the page.")
    token_file: Path | None = Field(
        default=None, description="File with the token that readers must show."
    )


class LogSettings(_Section):
    """What the daemon says of itself."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least level."
    )
