"""
A section whose predictions become one profile with rows of it that were measured.

What comes out is a series of its own, with a bundle id made of the bundle and the measured
rows: it stands in the store beside the uncorrected one and never takes its place.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore.pipeline import OnMasked, SectionPipeline
from downcore.ports import MaskedSlice, Predictor, SlicePipeline, TilePrediction
from downcore.service.station import Station
from downcore.strata.bundle import Manifest, manifest_text
from downcore.strata.depth import LineScale
from downcore.strata.depthlog import SliceRow
from downcore.strata.errors import MeasuredRowsError
from downcore.strata.measured import LOGGED, MAX_CHARACTERS, MeasuredRows, parse_measured
from downcore.strata.measured_profile import MeasuredProfile
from downcore.strata.profile_estimates import SectionRows, Series, profiles_of, with_rows
from downcore.strata.segment import Segment


def read_measured(path: Path, columns: Sequence[str] = LOGGED) -> MeasuredRows:
    """
    Read a CSV of measured rows; see :func:`parse_measured`.

    Raises
    ------
    MeasuredRowsError
        If it cannot be read or is not one.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            # One more than is allowed, so that a longer file is refused without being read.
            text = file.read(MAX_CHARACTERS + 1)
    except OSError as error:
        raise MeasuredRowsError(f"{path}: cannot read it: {error.strerror}") from None
    except UnicodeDecodeError:
        raise MeasuredRowsError(f"{path}: expected text in UTF-8, got other bytes") from None
    return parse_measured(text, str(path), columns)


@dataclass(frozen=True, slots=True, eq=False)
class CalibratedPredictor:
    """A predictor under the id of its corrected series."""

    plain: Predictor
    manifest: Manifest

    def submit(self, tag: object, tiles: NDArray[np.uint8]) -> None:
        """Submit to the plain one."""
        self.plain.submit(tag, tiles)

    def collect(self, *, wait: bool) -> list[tuple[Any, TilePrediction]]:
        """Collect from the plain one."""
        return self.plain.collect(wait=wait)


def calibrated_station(station: Station, measured: MeasuredRows) -> Station:
    """
    Return the station as it reads one section with measured rows.

    The id of each corrected series is recorded with the bundle it comes from, the rows and
    the digest of their file.
    """
    predictors: list[CalibratedPredictor] = []
    for plain in station.predictors:
        source = f"{plain.manifest.bundle_id}:{measured.sha256}"
        series_id = hashlib.sha256(source.encode()).hexdigest()[:16]
        manifest = replace(plain.manifest, bundle_id=series_id)
        station.store.record_bundle(manifest, _series_text(plain.manifest, measured))
        predictors.append(CalibratedPredictor(plain, manifest))
    config = station.composition_config
    if config is not None and predictors:
        series_ids = tuple(predictor.manifest.bundle_id for predictor in predictors)
        config = replace(config, bundle_ids=series_ids, measured_sha256=measured.sha256)
        station.store.record_composer(config.composer_id, config.description)
    return replace(
        station, predictors=tuple(predictors), measured=measured, composition_config=config
    )


def pipeline_of(
    station: Station,
    scale: LineScale,
    done_slices: tuple[int, ...],
    on_masked: OnMasked | None = None,
) -> SlicePipeline:
    """Return the pipeline of a section; its rows are corrected by the station's measured rows."""
    if station.measured is None:
        return SectionPipeline(
            scale,
            station.predictors,
            station.rules,
            done_slices=done_slices,
            on_masked=on_masked,
        )
    # The measured slices must be predicted again to find the profile, so every slice is.
    plain = SectionPipeline(scale, station.predictors, station.rules, on_masked=on_masked)
    return CalibratedPipeline(plain, station.measured)


class CalibratedPipeline:
    """
    A section's pipeline whose rows wait for the last measured one and become a profile then.

    The profile is found from the slices down to there alone, so that a row depends on the lines
    and the measured rows, not on the cuts.

    Parameters
    ----------
    plain : SectionPipeline
        A new one that has nothing done.
    measured : MeasuredRows
        Of the section.
    """

    def __init__(self, plain: SectionPipeline, measured: MeasuredRows) -> None:
        self._plain = plain
        self._measured = measured
        self._held: list[SliceRow] = []
        self._rows = SectionRows.of(measured)
        self._profiles: dict[Series, MeasuredProfile] | None = None

    @property
    def next_line(self) -> int:
        """The scan line that must come next."""
        return self._plain.next_line

    def mask(self, segment: Segment) -> list[MaskedSlice]:
        """Add lines and return the slices they complete; as :meth:`SectionPipeline.mask`."""
        return self._plain.mask(segment)

    def predict(self, slices: Sequence[MaskedSlice]) -> list[SliceRow]:
        """Predict slices and return the rows ready; as :meth:`SectionPipeline.predict`."""
        return self._released(self._plain.predict(slices))

    def push(self, segment: Segment) -> list[SliceRow]:
        """Add lines and return the rows that are ready; as :meth:`SectionPipeline.push`."""
        return self.predict(self.mask(segment))

    def drain(self) -> list[SliceRow]:
        """Wait for every slice that was released; those above the last measured row wait on."""
        return self._released(self._plain.drain())

    def finish(self) -> list[SliceRow]:
        """Return every row that is left."""
        return self._released(self._plain.finish(), is_end=True)

    def _released(self, rows: list[SliceRow], *, is_end: bool = False) -> list[SliceRow]:
        self._held += rows
        last_um = self._measured.last_um
        if self._profiles is None:
            if not is_end and not (self._held and self._held[-1].core_slice.bottom_um > last_um):
                return []
            self._profiles = profiles_of(self._held, self._rows)
        profiles = self._profiles
        ready, self._held = self._held, []
        return [replace(row, estimates=with_rows(row, profiles, self._rows)) for row in ready]


def _series_text(manifest: Manifest, measured: MeasuredRows) -> str:
    """Return what the store keeps of a corrected series."""
    series = {
        "corrected_series_of": manifest.bundle_id,
        "measured_sha256": measured.sha256,
        "measured_rows": [asdict(row) for row in measured.rows],
        "manifest": json.loads(manifest_text(manifest)),
    }
    return json.dumps(series, indent=1, sort_keys=True) + "\n"
