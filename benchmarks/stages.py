"""
CPU seconds that a metre of core takes in each stage of the device, without the networks.

A simulated section at 200 px/cm, 1,400 px across, is taken through the stages one after the other
in one thread. Of each stage the median over the rounds is printed. CPU time is what counts: the
machine is rarely idle.
"""

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reporting import arguments, report
from sections import PX_PER_CM, write_section

from downcore.commands.image_files import scan_files_of
from downcore.composing.label_png import label_tile
from downcore.pipeline import segments_by_slice
from downcore.service.composition_setup import composition_config_of
from downcore.settings import load_settings
from downcore.sources.format import Reading
from downcore.sources.inbox.digests import PrefixDigest, content_digest
from downcore.sources.turns import at_once
from downcore.strata.depthlog import SliceRow
from downcore.strata.mask.masker import MASK_HALO_UM, SectionMasker
from downcore.strata.regions.shapes import slice_regions
from downcore.strata.regions.stream import RegionRows, RegionStream
from downcore.strata.section import SectionBuffer, SliceLines
from downcore.strata.segment import Segment
from downcore.strata.slices import measure_slice
from downcore.strata.tiles import cut_tiles
from downcore.strata.unmixing.composition import compose
from downcore.strata.unmixing.observations import observe

WARM_CM = 25.0
"""Section that compiled code is loaded on."""
BLOCK, NEIGHBOURS = 10, 6
"""Slices that are composed together, and those on either side that are looked at."""


class Stages:
    """One section on its way through the stages, each of which is timed."""

    def __init__(self, image: Path) -> None:
        self.cpu_s: dict[str, float] = defaultdict(float)
        scan_files = scan_files_of(image)
        if isinstance(scan_files, str):
            raise SystemExit(scan_files)
        config = composition_config_of(load_settings(None), ())
        if config is None:
            raise SystemExit("expected settings that compose")
        self._image, self._config = image, config
        self._lines = scan_files.format.open(scan_files.paths, Reading(px_per_cm=str(PX_PER_CM)))
        scale, n_across = self._lines.scale, self._lines.n_across
        self._superpixels = config.cut(config.superpixels, scale, n_across)
        self._regions = RegionStream(config.refiner, scale, n_across)
        self._masker = SectionMasker(scale)
        self._rows: list[SliceRow] = []

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the CPU time of a block to a stage."""
        start = time.process_time()
        yield
        self.cpu_s[stage] += time.process_time() - start

    def run(self) -> int:
        """Take the section through all stages and return its slices."""
        with self.timed("reading"):
            n_lines, _ = self._lines.refresh(is_still=True)
        buffer = SectionBuffer(self._lines.scale, halo_um=MASK_HALO_UM)
        prefix = PrefixDigest()
        segments = segments_by_slice(self._lines, n_lines)
        while True:
            with self.timed("reading"):
                segment = next(segments, None)
            if segment is None:
                break
            with self.timed("digest of the lines"):
                prefix.add(segment)
            with self.timed("slices with their halo"):
                released = buffer.push(segment)
            self._see(released)
        with self.timed("slices with their halo"):
            released = buffer.finish()
        self._see(released)
        with self.timed("superpixels"):
            labels = self._superpixels.finish()
        with self.timed("regions"):
            windows = self._regions.finish(labels)
        self._describe(windows)
        with self.timed("digest of the file, once"):
            at_once(content_digest(self._image))
        self._compose()
        self._lines.close()
        return len(self._rows)

    def _see(self, released: list[SliceLines]) -> None:
        scale = self._lines.scale
        for lines in released:
            with self.timed("mask"):
                classes = self._masker.mask(lines)
            with self.timed("measuring"):
                core_slice = measure_slice(
                    lines.lines, classes, scale, index=lines.index, first_line=lines.first_line
                )
            self._rows.append(SliceRow(core_slice, ()))
            with self.timed("tiles"):
                cut_tiles(lines.lines, classes, float(scale.px_per_cm))
            with self.timed("superpixels"):
                segment = Segment(lines.lines.copy(), lines.first_line)
                labels = self._superpixels.push(segment, classes)
            with self.timed("regions"):
                windows = self._regions.push(segment, labels)
            self._describe(windows)

    def _describe(self, windows: list[RegionRows]) -> None:
        scale = self._lines.scale
        for window in windows:
            with self.timed("shapes and pictures of regions"):
                for regions in slice_regions(window, scale):
                    first = scale.first_line_of_slice(regions.index) - window.first_line
                    stop = scale.first_line_of_slice(regions.index + 1) - window.first_line
                    label_tile(window.labels[first:stop], float(scale.px_per_cm))

    def _compose(self) -> None:
        calibration = self._config.tables[-1].calibration
        for first in range(0, len(self._rows), BLOCK):
            rows = self._rows[max(first - NEIGHBOURS, 0) : first + BLOCK + NEIGHBOURS]
            with self.timed("fractions of minerals, one table"):
                compose(observe(rows, self._config.bundle_ids), calibration)


def main() -> None:
    """Warm up, run the rounds and print what a metre takes."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--length-cm", type=float, default=100.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    taken: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Stages(write_section(folder / "warm", length_cm=WARM_CM, seed=8)).run()
        image = write_section(folder / "inbox", length_cm=options.length_cm)
        for _ in range(options.rounds):
            stages = Stages(image)
            metres = stages.run() / 100
            for stage, cpu_s in stages.cpu_s.items():
                taken[stage].append(cpu_s / metres)
    metrics = {f"{stage}, CPU s/m": statistics.median(each) for stage, each in taken.items()}
    metrics["all, CPU s/m"] = sum(metrics.values())
    report("stages without networks, 200 px/cm x 1,400 px", metrics, options.json)


if __name__ == "__main__":
    main()
