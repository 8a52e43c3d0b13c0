"""Small logs in every layout, written by code, with what is in them."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

ROWS = (
    # section, section depth cm, core depth cm, density, vp, ms
    ("1", 1.0, 1.0, "1.2345", "1502.5", "31.5"),
    ("1", 2.0, 2.0, "1.31", "", "33"),
    ("1", 3.0, 3.0, "", "1511", "-2.5"),
    ("1", 4.0, 4.0, "3.9", "2869", "-60"),
    ("2", 1.0, 101.0, "1.4", "1520.25", ""),
    ("2", 2.0, 102.0, "1.45", "1530", "44.0"),
)
"""The same measurements for every layout, as they are written; blank where there is none."""


@dataclass(frozen=True)
class Column:
    """A column: how it is headed, in what unit, and what is in it."""

    title: str
    unit: str
    field: str
    """section, section_depth, core_depth, density, vp, ms, or a constant text after ``=``."""
    per_cm: float = 1.0
    """Units in a centimetre, for depths."""

    def cell(self, row: tuple[str, float, float, str, str, str]) -> str:
        if self.field.startswith("="):
            return self.field[1:]
        fields = ("section", "section_depth", "core_depth", "density", "vp", "ms")
        value = row[fields.index(self.field)]
        return value if isinstance(value, str) else f"{value * self.per_cm:.6g}"


@dataclass(frozen=True)
class Sample:
    """One way in which a format's file may be written."""

    format: str
    label: str
    columns: tuple[Column, ...]
    before: tuple[str, ...] = ()
    """Lines before the header."""
    delimiter: str = ","
    has_units: bool = False
    after_units: tuple[str, ...] = ()
    """Lines between the units and the data."""
    is_header_split: bool = False
    encoding: str = "utf-8"
    newline: str = "\r\n"
    extra: tuple[str, ...] = ()
    """Lines after the data."""

    @property
    def fields(self) -> set[str]:
        return {column.field for column in self.columns}

    def expected(self, field: str) -> list[float]:
        """Return what a reader should find in a column of numbers."""
        at = ("section", "section_depth", "core_depth", "density", "vp", "ms").index(field)
        if field not in self.fields:
            return [math.nan] * len(ROWS)
        return [float(row[at]) if row[at] != "" else math.nan for row in ROWS]

    @property
    def content(self) -> bytes:
        join: Callable[[Sequence[str]], str] = self.delimiter.join
        lines = [*self.before]
        if self.is_header_split:
            # The first word above, the rest below, as the spectrometer's program does.
            parts = [column.title.partition(" ") for column in self.columns]
            lines += [join([head for head, _, _ in parts]), join([rest for _, _, rest in parts])]
        else:
            lines.append(join([column.title for column in self.columns]))
        if self.has_units:
            lines.append(join([column.unit for column in self.columns]))
        lines += self.after_units
        lines += [join([column.cell(row) for column in self.columns]) for row in ROWS]
        lines += self.extra
        return (self.newline.join(lines) + self.newline).encode(self.encoding)


def _geotek(name: str) -> Sample:
    processed = (
        Column("SB DEPTH", "cm", "core_depth"),
        Column("SECT NUM", "", "section"),
        Column("SECT DEPTH", "cm", "section_depth"),
        Column("CT", "cm", "=6.71"),
        Column("PWAmp", "", "=88"),
        Column("PWVel", "m/s", "vp"),
        Column("Den1", "gm/cc", "density"),
        Column("MS1", "SI x 10^-5", "ms"),
        Column("Temp", "degC", "=21.5"),
    )
    return Sample(
        format=name,
        label="usual",
        columns=processed,
        before=("Core logged at 21 degC",),
        delimiter="\t",
        has_units=True,
        after_units=("\t\t\tmm",) if name == "geotek_raw" else (),
    )


_PLAIN = (
    _geotek("geotek_out"),
    _geotek("geotek_raw"),
    Sample(
        format="mscl_xyz",
        label="usual",
        columns=(
            Column("Section", "", "section"),
            Column("Section Depth", "", "section_depth"),
            Column("Laser Profiler", "mm", "=3.2"),
            Column("Magnetic Susceptibility", "", "ms"),
            Column("Greyscale Reflectance", "", "=21.5"),
            Column("CIE L*", "", "=41.5"),
            Column("Munsell Colour", "", "=5Y 4/1"),
            Column("Time Stamp", "", "=2019-10-01 12:00"),
        ),
        before=("MSCL-XYZ 7.9,Run 12", "Spectrometer,CM-2600d"),
        is_header_split=True,
    ),
    Sample(
        format="osu",
        label="usual",
        columns=(
            Column("SB_DEPTH_cm", "", "core_depth"),
            Column("SECT_NUM_cm", "", "section"),
            Column("SECT_DEPTH_cm", "", "section_depth"),
            Column("CORE_THICK_cm", "", "=11.4"),
            Column("PWAmp", "", "=14"),
            Column("PWVel_m/s", "", "vp"),
            Column("Den_gm/cc", "", "density"),
            Column("MS", "", "ms"),
            Column("Imp", "", "=1200.5"),
            Column("FP", "", "=0.91"),
        ),
    ),
    Sample(
        format="osu",
        label="point sensor",
        columns=(Column("SB_DEPTH_cm", "", "core_depth"), Column("hiresMS", "", "ms")),
    ),
    Sample(
        format="bas",
        label="usual",
        columns=(
            Column("Core_Section", "", "=LAKE1.1"),
            Column("SB_DEPTH_cm", "", "=86.5"),
            Column("SECT NUM_", "", "section"),
            Column("SECT_DEPTH_cm", "", "section_depth"),
            Column("Depth_cm", "", "core_depth"),
            Column("PWVel_ms-1", "", "vp"),
            Column("Wet_gamma_ray_density_SAT_gcm-3", "", "density"),
            Column("MS_SIx10-5 ", "", "ms"),
            Column("Wet_gamma_ray_density_UNSAT_gcm-3", "", "=2.5"),
        ),
        encoding="utf-8-sig",
    ),
    Sample(
        format="bas",
        label="units row",
        columns=(
            Column("ID", "Unit", "=LAKE_1"),
            Column("Core", "", "=LAKE"),
            Column("Core_depth", "cm", "section_depth"),
            Column("Field_depth_", "cm", "core_depth"),
            Column("PWVel", "m/s", "vp"),
            Column("GRD_Gamma_Ray_Density__SAT_cal", "kgm-3", "density"),
            Column("Magnetic_Susceptibility_MS", "SI x 10^-5", "ms"),
        ),
        has_units=True,
    ),
    Sample(
        format="usgs_2019_643",
        label="usual",
        columns=(
            Column("sb_depth_cm", "", "core_depth"),
            Column("density", "", "density"),
            Column("pwave_vel", "", "vp"),
            Column("mag_sus", "", "ms"),
        ),
    ),
    Sample(
        format="lore",
        label="density",
        columns=(
            Column("Exp", "", "=379"),
            Column("Site", "", "=U1533"),
            Column("Hole", "", "=B"),
            Column("Core", "", "=12"),
            Column("Type", "", "=H"),
            Column("Sect", "", "section"),
            Column("A/W", "", "=A"),
            Column("Offset (cm)", "", "section_depth"),
            Column("Depth CSF-A (m)", "", "core_depth", per_cm=0.01),
            Column("Bulk density (GRA) (g/cm³)", "", "density"),
            Column("Timestamp (UTC)", "", "=2019-02-03T01:02:03"),
            Column("Instrument", "", "=GRA1"),
        ),
    ),
    Sample(
        format="janus",
        label="density",
        columns=(
            Column("leg", "", "=145"),
            Column("site", "", "=887"),
            Column("hole", "", "=A"),
            Column("core", "", "=1"),
            Column("type", "", "=H"),
            Column("section", "", "section"),
            Column("top_cm", "", "section_depth"),
            Column("depth_mbsf", "", "core_depth", per_cm=0.01),
            Column("density_g_cm3", "", "density"),
        ),
    ),
    Sample(
        format="janus",
        label="abbreviated",
        columns=(
            Column("Leg", "", "=145"),
            Column("Site", "", "=887"),
            Column("H", "", "=A"),
            Column("Cor", "", "=1"),
            Column("T", "", "=H"),
            Column("Sc", "", "section"),
            Column("Top(cm)", "", "section_depth"),
            Column("Depth (mbsf)", "", "core_depth", per_cm=0.01),
            Column("Density (g/cc)", "", "density"),
        ),
        delimiter="\t",
    ),
)


def _other(fmt: str, label: str, title: str, field: str) -> Sample:
    """Return the sample of a format that writes a file a property, for another property."""
    density = next(one for one in _PLAIN if one.format == fmt)
    columns = tuple(
        Column(title, "", field) if column.field == "density" else column
        for column in density.columns
    )
    return replace(density, label=label, columns=columns)


PLAIN = (
    *_PLAIN,
    _other("janus", "loop", "mag_sus_loop_instr", "ms"),
    _other("janus", "velocity", "vp_m_s", "vp"),
    _other("lore", "velocity", "P-wave velocity (m/s)", "vp"),
    _other("lore", "loop", "Magnetic susceptibility (instr. units)", "ms"),
    _other("lore", "point sensor", "Magnetic susceptibility (SI)", "ms"),
)
"""Each format as it is usually written."""


def variants() -> Iterator[Sample]:
    """Yield every sample as it is, and as other programs may have written it anew."""
    for plain in PLAIN:
        yield plain
        yield replace(plain, label=f"{plain.label}, mark", encoding="utf-8-sig")
        yield replace(plain, label=f"{plain.label}, wide", encoding="utf-16")
        yield replace(plain, label=f"{plain.label}, unix", newline="\n")
        yield replace(plain, label=f"{plain.label}, blank lines", newline="\n\n")
        if plain.delimiter == ",":
            semicolons = tuple(line.replace(",", ";") for line in plain.before)
            yield replace(
                plain, label=f"{plain.label}, semicolons", delimiter=";", before=semicolons
            )
        if not plain.is_header_split:
            turned = plain.columns[::-1]
            after = tuple("mm" for _ in plain.after_units)
            yield replace(plain, label=f"{plain.label}, turned", columns=turned, after_units=after)
        shouted = tuple(replace(column, title=column.title.upper()) for column in plain.columns)
        yield replace(plain, label=f"{plain.label}, capitals", columns=shouted)
        if "³" not in "".join(column.title for column in plain.columns):
            degree = (*plain.columns, Column("Room °C", "°C", "=21"))
            yield replace(
                plain, label=f"{plain.label}, Latin-1", columns=degree, encoding="latin-1"
            )
