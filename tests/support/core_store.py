"""A record of a core in sections, made of rows without an image."""

from fractions import Fraction
from pathlib import Path

from downcore.publish import payloads
from downcore.store import Store
from downcore.strata.bundle import Manifest, OutputScaling
from downcore.strata.depthlog import Estimate, SliceRow, Status
from downcore.strata.record import Run, Scan, ScanState
from downcore.strata.slices import CoreSlice

DAY = "2026-01-31T23:59:59.123Z"


class StoppedClock:
    """A clock that stands still."""

    def monotonic_s(self) -> float:
        return 0.0

    def utc_rfc3339(self) -> str:
        return DAY


def row_at(index: int, bottom_um: int | None = None, density_at: float = 1.0) -> SliceRow:
    """Return one centimetre of a section, with a density that names it, from ``density_at`` on."""
    core_slice = CoreSlice(
        index=index,
        first_line=20 * index,
        n_lines=20,
        top_um=10_000 * index,
        bottom_um=bottom_um or 10_000 * (index + 1),
        class_fractions=(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        colour=None,
        flags=(),
    )
    value = density_at + index / 1000
    estimate = Estimate("density", value, value, value, Status.PREDICTED, "", "b1")
    return SliceRow(core_slice, (estimate,))


def make_core(
    path: Path,
    lengths_cm: dict[str, int],
    *,
    tops_um: dict[str, int] | None = None,
    expedition: str = "145",
    core: str = "887A-1H",
    half: str = "",
    density_at: float = 1.0,
) -> Path:
    """Write sections of a core into a record, the rows of each reaching ``lengths_cm``."""
    scaling = OutputScaling("density", "g/cm3", False, 1.6, 0.2, 1.6, 0.05)  # noqa: FBT003 - as the manifest's order has it
    manifest = Manifest(
        "resnet-18", "t", "2026", "int8", {}, (scaling,), (100, 400), 0.1, "generator", "b1"
    )
    with Store.open(path, clock=StoppedClock(), announce=payloads) as store:
        store.begin_run(Run("0", "0" * 64, "", "0"))
        store.record_bundle(manifest, "{}")
        for section, n_cm in lengths_cm.items():
            section_id = "-".join(filter(None, (expedition, core, section, half)))
            named = {"expedition": expedition, "core": core, "section": section, "half": half}
            scan = Scan(
                section_id.encode().hex().zfill(32),
                section_id,
                f"inbox/{section_id}.png",
                "png",
                Fraction(20),
                "up",
                **(named if core else {}),
                section_top_um=(tops_um or {}).get(section),
            )
            store.open_scan(scan)
            rows = [row_at(i, density_at=density_at) for i in range(n_cm)]
            store.commit_slices(scan.scan_id, rows, n_lines_done=20 * n_cm, prefix_digest="0" * 32)
            store.set_scan_state(scan.scan_id, ScanState.DONE)
    return path
