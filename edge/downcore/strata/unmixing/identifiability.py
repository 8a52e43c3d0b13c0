"""
What the observations can tell of a core's members, and what they cannot.

At a typical slice the slopes of the mixture, in units of the errors and of the prior's spread,
have singular values: one well above 1 is a direction that was observed, one below 1 a direction
in which the prior speaks. A sum of members whose standard deviation the data bring down to no
less than 0.7 of the prior's is driven by the prior.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.endmembers.library import Library
from downcore.strata.unmixing.observations import RED, ROWS, Observations
from downcore.strata.unmixing.physics import Mixing, comparable, predict
from downcore.strata.unmixing.prior import Prior

PRIOR_DRIVEN = 0.7
"""Posterior over prior standard deviation above which the prior speaks, not the data."""

_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class IdentifiabilityReport:
    """How much of a composition comes from the data; the same for slices observed alike."""

    rows: tuple[str, ...]
    """Observations that there are."""
    rank: int
    """Directions of porosity and shares that the data know better than the prior."""
    condition: float
    """Greatest singular value over the least, of the directions that rows can tell at all."""
    freedom: float
    """Effective degrees of freedom, of ``n_free``."""
    n_free: int
    """Unknowns: porosity and all shares but one."""
    members: tuple[tuple[str, float], ...]
    """Each mineral with its posterior over prior standard deviation, 0 to 1."""
    groups: tuple[tuple[str, float], ...]
    """Each group with the same."""
    ties: tuple[tuple[str, str], ...]
    """Minerals that could be exchanged for one another without the data objecting."""
    joined: tuple[tuple[str, ...], ...]
    """Groups that only together are known from data."""
    refusal: str
    """Why nothing may be said; empty where something may."""

    @property
    def prior_driven(self) -> tuple[str, ...]:
        """Groups of which the prior says more than the data."""
        return tuple(name for name, ratio in self.groups if ratio > PRIOR_DRIVEN)


def most_groups(rows: tuple[str, ...]) -> int:
    """
    Return how many groups rows of observation could hold at most, prior or not.

    Each row is an equation and the sum is one more; where density, vp or ms is observed, porosity
    is one more unknown. So 4 of colour alone, 3 of the three logs, 6 of all.
    """
    volumetric = any(row in ROWS[:RED] for row in rows)
    return len(rows) + 1 - int(volumetric)


def examine(
    seen: Observations, library: Library, prior: Prior, mixing: Mixing
) -> IdentifiabilityReport:
    """
    Return what slices that were observed alike can tell.

    Parameters
    ----------
    seen : Observations
        Slices of one core with the same rows; at least one with a value.
    library : Library
        The members.
    prior : Prior
        Of the core, with one mean.
    mixing : Mixing
        How members mix.
    """
    usable = seen.rows(seen.may_have_value)
    known = np.isfinite(usable.value)
    here = np.asarray(known.any(axis=0), bool)
    rows = tuple(name for name, there in zip(ROWS, here, strict=True) if there)
    covariance = _with_fixed_sum(prior.covariance / prior.strength)
    slopes = _whitened_slopes(usable, library, prior, mixing)[here]
    root = _root(covariance)
    scaled = slopes @ root
    singular = np.linalg.svd(scaled, compute_uv=False)[: root.shape[1]]
    posterior = root @ np.linalg.inv(np.eye(root.shape[1]) + scaled.T @ scaled) @ root.T
    shares = (covariance[1:, 1:], posterior[1:, 1:])
    eye = np.eye(library.n_members)
    members = tuple(zip(library.minerals, _ratios(eye, *shares), strict=True))
    groups = tuple(zip(library.groups, _ratios(library.is_in_group, *shares), strict=True))
    least = float(singular.min())
    return IdentifiabilityReport(
        rows=rows,
        rank=int((singular > 1.0).sum()),
        condition=float(singular.max()) / least if least > _TINY else float("inf"),
        freedom=float((singular**2 / (1.0 + singular**2)).sum()),
        n_free=root.shape[1],
        members=members,
        groups=groups,
        ties=_ties(library.minerals, slopes[:, 1:], np.sqrt(np.diag(shares[0]))),
        joined=_joined(library, *shares),
        refusal=_refusal(rows, library.groups, groups),
    )


def _refusal(
    rows: tuple[str, ...], groups: tuple[str, ...], ratios: tuple[tuple[str, float], ...]
) -> str:
    most = most_groups(rows)
    if len(groups) > most:
        missing = ", ".join(row for row in ROWS if row not in rows)
        return (
            f"{len(groups)} groups asked, but {', '.join(rows)} and the sum hold at most {most}: "
            f"join groups, or observe {missing}"
        )
    if all(ratio > PRIOR_DRIVEN for _, ratio in ratios):
        return "the data say less of every group than the prior: observe more, or join groups"
    return ""


def _whitened_slopes(
    seen: Observations, library: Library, prior: Prior, mixing: Mixing
) -> NDArray[np.float64]:
    """Return slopes by porosity and shares at the mean mixture, over typical errors."""
    mean = prior.mean if prior.mean.ndim == 1 else prior.mean.mean(axis=0)
    pores, shares = mean[0], mean[1:]
    expected = predict(library, np.array([[pores, *((1.0 - pores) * shares)]]), mixing)
    noise = comparable(seen)[1]
    typical = np.array(
        [np.median(n[np.isfinite(n)]) if np.isfinite(n).any() else np.inf for n in noise.T]
    )
    slope = expected.slope[0]
    by_pores = slope[:, 0] - slope[:, 1:] @ shares
    turned = np.column_stack([by_pores, (1.0 - pores) * slope[:, 1:]])
    sd = np.sqrt(typical + expected.model_variance[0])
    whitened: NDArray[np.float64] = turned / sd[:, None]
    return whitened


def _with_fixed_sum(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a covariance of porosity and shares, given that shares sum to 1."""
    shares = np.ones(len(covariance))
    shares[0] = 0.0
    along = covariance @ shares
    fixed: NDArray[np.float64] = covariance - np.outer(along, along) / (shares @ along)
    return fixed


def _root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return L with L L' = covariance, one column for each direction that may vary."""
    values, vectors = np.linalg.eigh(covariance)
    free = np.argsort(values)[1:]
    root: NDArray[np.float64] = vectors[:, free] * np.sqrt(np.maximum(values[free], 0.0))
    return root


def _ratios(
    sums: NDArray[np.float64], before: NDArray[np.float64], after: NDArray[np.float64]
) -> list[float]:
    prior = np.einsum("gk,kl,gl->g", sums, before, sums)
    posterior = np.einsum("gk,kl,gl->g", sums, after, sums)
    ratio = np.sqrt(np.clip(posterior, 0.0, None) / np.maximum(prior, _TINY**2))
    return [float(min(x, 1.0)) for x in ratio]


def _ties(
    minerals: tuple[str, ...], slopes: NDArray[np.float64], sd: NDArray[np.float64]
) -> tuple[tuple[str, str], ...]:
    """Return pairs whose exchange, as far as the lesser one varies, moves no row by its error."""
    found = []
    for i, one in enumerate(minerals):
        for j in range(i):
            moved = np.abs(slopes[:, i] - slopes[:, j]) * min(sd[i], sd[j])
            if min(sd[i], sd[j]) > _TINY and float(np.sqrt((moved**2).sum())) < 1.0:
                found.append((minerals[j], one))
    return tuple(found)


def _joined(
    library: Library, before: NDArray[np.float64], after: NDArray[np.float64]
) -> tuple[tuple[str, ...], ...]:
    """Return the sums of groups that are known where their parts are not."""
    parts: list[tuple[tuple[str, ...], NDArray[np.float64]]] = [
        ((name,), row) for name, row in zip(library.groups, library.is_in_group, strict=True)
    ]
    while len(parts) > 2:  # noqa: PLR2004 - the sum of all is 1, which says nothing
        blind = [p for p in parts if _ratios(p[1][None], before, after)[0] > PRIOR_DRIVEN]
        if not blind:
            break
        pairs = [
            (_ratios((p[1] + q[1])[None], before, after)[0], p, q)
            for p in blind
            # A group that is known by itself helps only where no other blind one is left.
            for q in (blind if len(blind) > 1 else parts)
            if q is not p
        ]
        _, p, q = min(pairs, key=lambda pair: pair[0])
        # Identity, not equality: parts hold arrays.
        kept = [x for x in parts if x is not p and x is not q]
        order = [name for name in library.groups if name in p[0] + q[0]]
        parts = [*kept, (tuple(order), p[1] + q[1])]
    return tuple(
        names
        for names, row in parts
        if len(names) > 1 and _ratios(row[None], before, after)[0] <= PRIOR_DRIVEN
    )
