"""What a slice is made of, by group, with an interval, a status and what the data could tell."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.depthlog import HAS_VALUE, Status
from downcore.strata.endmembers.library import Library
from downcore.strata.endmembers.member import JOINER
from downcore.strata.unmixing.estimating import estimate, spread
from downcore.strata.unmixing.identifiability import IdentifiabilityReport, examine
from downcore.strata.unmixing.mixing_calibration import MixingCalibration
from downcore.strata.unmixing.observations import RED, ROWS, Observations

NOTHING_SEEN = "no colour and no log to unmix"
"""Reason of a slice that may have a value and was not observed."""

WATER_ONLY = "explained by water alone: no solids to divide"
"""Reason of a slice that weighs no more than water."""

PRIOR_SPEAKS = "driven by the prior: the data say less of it than was expected anyway"
"""Said of groups that are not found in the data."""

ARTEFACT = "an artefact: no part of the core"
"""Said of groups that the table marks so."""

NOT_CALIBRATED = "interval not calibrated: no slice of known composition"
"""Said of groups whose interval nothing has been held against."""


@dataclass(frozen=True, slots=True)
class GroupShare:
    """One group's share of a slice's solids, by volume."""

    group: str
    """Name; of several groups together, their names with `` + `` between."""
    fraction: float | None
    """0 to 1; ``None`` where the status has no value."""
    lower: float | None
    """Lower end of the 90 % interval, 0 to 1."""
    upper: float | None
    """Upper end of the 90 % interval, 0 to 1."""
    status: Status
    is_prior_driven: bool
    """Whether the number is what was expected anyway, rather than what was observed."""
    reason: str
    """Why there is no value, or what to beware of; empty when there is nothing to say."""

    def __post_init__(self) -> None:
        numbers = (self.lower, self.fraction, self.upper)
        if self.status not in HAS_VALUE:
            if any(x is not None for x in numbers) or not self.reason:
                raise ValueError(
                    f"expected no numbers and a reason for {self.status}, got {numbers}"
                )
        elif any(x is None for x in numbers) or not (
            0.0 <= (self.lower or 0.0) <= (self.fraction or 0.0) <= (self.upper or 0.0) <= 1.0
        ):
            raise ValueError(f"expected 0 <= lower <= fraction <= upper <= 1, got {numbers}")


@dataclass(frozen=True, slots=True)
class Composition:
    """What one slice is made of."""

    index: int
    """Which slice."""
    groups: tuple[GroupShare, ...]
    """Every group, in the table's order; fractions sum to 1 where there are any."""
    joined: tuple[GroupShare, ...]
    """Sums of groups that are known where their parts are not."""
    porosity: float | None
    """Share of pores in the volume; ``None`` where there is no value or nothing tells it."""
    identifiability: IdentifiabilityReport | None
    """What the data could tell; ``None`` where nothing was observed."""

    @property
    def resolved_groups(self) -> tuple[GroupShare, ...]:
        """
        The groups as far as the data tell them apart; fractions sum to 1 where there are any.

        Groups that the prior speaks for stand together in the sum that is known, where they all
        are such; else they stand for themselves, and the sum is left to :attr:`joined`.
        """
        blind = {one.group for one in self.groups if one.is_prior_driven}
        found = list(self.groups)
        for whole in self.joined:
            parts = set(whole.group.split(JOINER))
            here = [one for one in found if one.group in parts]
            if {one.group for one in here} == parts <= blind:
                found[found.index(here[0])] = whole
                found = [one for one in found if one not in here]
        return tuple(found)

    @property
    def total(self) -> float | None:
        """Sum of the groups' fractions: 1, or ``None`` where there are none."""
        found = [one.fraction for one in self.groups if one.fraction is not None]
        return sum(found) if found else None


def words_of(fraction: float, lower: float, upper: float) -> str:
    """Return a fraction with its interval in per cent, as a person says it."""
    middle, low, high = (_percent(100.0 * x) for x in (fraction, lower, upper))
    return f"{middle} % ({low} to {high})"


def _percent(share: float) -> str:
    # Magnetite is a matter of hundredths of a per cent, and no less interesting for it.
    return f"{share:.0f}" if share >= 1.0 or share == 0.0 else f"{share:.1g}"


def compose(seen: Observations, calibration: MixingCalibration) -> tuple[Composition, ...]:
    """
    Return the composition of every slice of a core.

    A slice that is masked or abstained stays so, with its reason. Slices of which more is asked
    than their observations hold abstain.

    Parameters
    ----------
    seen : Observations
        Slices in order of depth.
    calibration : MixingCalibration
        Model and intervals.
    """
    if not seen.status:
        return ()
    model, library = calibration.model, calibration.model.library
    found = estimate(seen, model)
    reports = _reports(seen, calibration)
    joined = dict.fromkeys(names for one in reports if one is not None for names in one.joined)
    names = (*((name,) for name in library.groups), *joined)
    sums = np.array([_members(library, one) for one in names])
    half = calibration.half_widths(names, spread(seen, found, model, sums))
    numbers = _Numbers(names, found[0].shares @ sums.T, half, found[0].porosity)
    caveat = _Caveat("" if calibration.n_known else NOT_CALIBRATED, library.artefacts)
    return tuple(
        _composition(i, seen.status[i], seen.reason[i], reports[i], (numbers, caveat))
        for i in range(len(seen.status))
    )


@dataclass(frozen=True, slots=True)
class _Caveat:
    """What is said of every group, and groups of which something is said."""

    always: str
    artefacts: tuple[str, ...]

    def of(self, groups: tuple[str, ...], *, is_prior_driven: bool) -> str:
        said = [PRIOR_SPEAKS] if is_prior_driven else []
        if any(one in self.artefacts for one in groups):
            said.append(ARTEFACT)
        return "; ".join([*said, *([self.always] if self.always else [])])


@dataclass(frozen=True, slots=True, eq=False)
class _Numbers:
    """Sums of groups' shares of all slices, and half widths of their intervals; (n, n_sums)."""

    names: tuple[tuple[str, ...], ...]
    share: NDArray[np.float64]
    half: NDArray[np.float64]
    porosity: NDArray[np.float64]


def _members(library: Library, groups: tuple[str, ...]) -> NDArray[np.float64]:
    chosen = [library.groups.index(name) for name in groups]
    row: NDArray[np.float64] = library.is_in_group[chosen].sum(axis=0)
    return row


def _reports(
    seen: Observations, calibration: MixingCalibration
) -> list[IdentifiabilityReport | None]:
    """Return what could be told of each slice; slices that were observed alike share one."""
    model = calibration.model
    pattern = np.isfinite(seen.value) @ (1 << np.arange(seen.value.shape[1]))
    usable = seen.may_have_value
    reports: list[IdentifiabilityReport | None] = [None] * len(usable)
    for one in np.unique(pattern[usable]):
        alike = np.flatnonzero(usable & (pattern == one))
        report = examine(seen.rows(alike), model.library, model.base, model.mixing)
        for i in alike:
            reports[i] = report
    return reports


def _composition(
    index: int,
    status: Status,
    reason: str,
    report: IdentifiabilityReport | None,
    known: tuple[_Numbers, _Caveat],
) -> Composition:
    numbers, caveat = known
    alone = [one for one in numbers.names if len(one) == 1]
    is_solid = bool(
        np.isfinite(numbers.share[index]).all() & np.isfinite(numbers.half[index]).all()
    )
    if status not in HAS_VALUE or report is None or report.refusal or not is_solid:
        why = reason or (NOTHING_SEEN if report is None else report.refusal or WATER_ONLY)
        kept = status if status not in HAS_VALUE else Status.ABSTAINED
        empty = tuple(
            GroupShare(one[0], None, None, None, kept, is_prior_driven=False, reason=why)
            for one in alone
        )
        return Composition(index, empty, (), None, report)
    blind = report.prior_driven
    shares = [
        _share(numbers, index, i, is_prior_driven=one[0] in blind and len(one) == 1, caveat=caveat)
        for i, one in enumerate(numbers.names)
        if len(one) == 1 or one in report.joined
    ]
    volumetric = any(row in ROWS[:RED] for row in report.rows)
    pores = float(numbers.porosity[index]) if volumetric else None
    return Composition(
        index, tuple(shares[: len(alone)]), tuple(shares[len(alone) :]), pores, report
    )


def _share(
    numbers: _Numbers, index: int, i: int, *, is_prior_driven: bool, caveat: _Caveat
) -> GroupShare:
    middle = min(max(float(numbers.share[index, i]), 0.0), 1.0)
    half = float(numbers.half[index, i])
    return GroupShare(
        group=JOINER.join(numbers.names[i]),
        fraction=middle,
        lower=max(middle - half, 0.0),
        upper=min(middle + half, 1.0),
        status=Status.PREDICTED,
        is_prior_driven=is_prior_driven,
        reason=caveat.of(numbers.names[i], is_prior_driven=is_prior_driven),
    )
