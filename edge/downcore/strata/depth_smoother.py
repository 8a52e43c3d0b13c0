"""
Values along depth from a few measured ones: Gaussian processes with an exponential kernel.

Such a process is the continuous first-order autoregression: beside the nearest rows above and below
hardly any other counts. Many kernels are asked at once, one in each column.

Source: Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, chapters 2, 4; the
likelihood by a Kalman filter, Hartikainen and Saerkkae (2010).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

NEAREST = 6
"""Rows on either side of a depth that are asked for its value."""


@dataclass(frozen=True, slots=True, eq=False)
class Kernels:
    """Kernels of several processes, each an offset, a variation along depth, and noise."""

    offset_sd: Values
    """Of what a whole section has in common, shape (k,)."""
    sill_sd: Values
    """Of what varies along depth, shape (k,)."""
    range_cm: Values
    """Over which it is forgotten to 1/e, shape (k,)."""
    noise_sd: float
    """Of a single row."""


def log_evidence(depth_cm: Values, values: Values, kernels: Kernels) -> Values:
    """
    Return the log likelihood of rows under each kernel, shape (k,).

    Parameters
    ----------
    depth_cm : ndarray, shape (n,)
        In ascending order.
    values : ndarray, shape (n, k)
        Of the rows about the mean that goes with each kernel.
    kernels : Kernels
        Of the processes.
    """
    sill, noise = kernels.sill_sd**2, kernels.noise_sd**2
    offset, varying = np.zeros_like(sill), np.zeros_like(sill)
    # Variances of offset and variation, and their covariance.
    var_o, var_v, cov = kernels.offset_sd**2, sill.copy(), np.zeros_like(sill)
    found = np.zeros_like(sill)
    for i, value in enumerate(values):
        if i:
            kept = np.exp(-(depth_cm[i] - depth_cm[i - 1]) / kernels.range_cm)
            varying, cov = kept * varying, kept * cov
            var_v = kept**2 * var_v + sill * (1.0 - kept**2)
        spread = var_o + 2.0 * cov + var_v + noise
        error = value - offset - varying
        found -= 0.5 * (error**2 / spread + np.log(2.0 * np.pi * spread))
        gain_o, gain_v = (var_o + cov) / spread, (var_v + cov) / spread
        offset, varying = offset + gain_o * error, varying + gain_v * error
        var_o, var_v, cov = (
            var_o - gain_o**2 * spread,
            var_v - gain_v**2 * spread,
            cov - gain_o * gain_v * spread,
        )
    return found


def kriged(
    depth_cm: Values, values: Values, kernels: Kernels, at_cm: float, *, is_causal: bool = False
) -> tuple[Values, Values]:
    """
    Return mean and standard deviation at a depth under each kernel, shape (k,) each.

    Parameters
    ----------
    depth_cm : ndarray, shape (n,)
        Of the rows, in ascending order.
    values : ndarray, shape (n, k)
        As :func:`log_evidence` takes them.
    kernels : Kernels
        Of the processes.
    at_cm : float
        The depth that is asked for.
    is_causal : bool, default False
        Whether only rows that lie no deeper count.
    """
    place = int(np.searchsorted(depth_cm, at_cm, side="right"))
    near = slice(max(place - NEAREST, 0), place if is_causal else place + NEAREST)
    where, known = depth_cm[near], values[near]
    prior = kernels.offset_sd**2 + kernels.sill_sd**2
    if not where.size:
        return np.zeros_like(prior), np.sqrt(prior)
    between = _covariance(np.abs(where[:, None] - where[None, :]), kernels)
    between += kernels.noise_sd**2 * np.eye(where.size)
    towards = _covariance(np.abs(where - at_cm), kernels)
    weight = np.linalg.solve(between, towards[..., None])[..., 0]
    mean = (weight * known.T).sum(axis=1)
    left = prior - (weight * towards).sum(axis=1)
    return mean, np.sqrt(np.maximum(left, 0.0))


def _covariance(apart_cm: Values, kernels: Kernels) -> Values:
    """Return the covariances of depths so far apart, the kernels in the first dimension."""
    shape = (-1, *(1 for _ in apart_cm.shape))
    alike = np.exp(-apart_cm[None] / kernels.range_cm.reshape(shape))
    covariance: Values = (kernels.offset_sd**2).reshape(shape) + (
        (kernels.sill_sd**2).reshape(shape) * alike
    )
    return covariance
