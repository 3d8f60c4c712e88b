"""Calibration errors over equal-width bins, and the errors that mere chance would show."""

import math
from dataclasses import dataclass

import numpy as np
import scipy

from calibration.statistics.binning import BinSums, equal_width_index, sum_bins
from calibration.statistics.checks import check_at_least, check_seed
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE, FloatArray, IntArray

NO_LABELS = "no labelled decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationError:
    """How far success rates lie from stated confidences.

    Parameters
    ----------
    ece : float or None
        Expected calibration error: mean distance over the bins, weighted by their labelled decisions.
    mce : float or None
        Maximum calibration error: the largest distance over non-empty bins.
    mce_n : int or None
        Labelled decisions in the bin that sets it; a bin of one row can.
    ece_debiased : float or None
        ECE less the part that the noise of the success rates adds on average; may be slightly negative.
    bins : int
        Number of equal-width bins.
    n : int
        Labelled decisions.
    reason : str or None
        Why the figures are None.
    """

    ece: float | None
    mce: float | None
    mce_n: int | None
    ece_debiased: float | None
    bins: int
    n: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseFloor:
    """ECE that a perfectly calibrated model would show on the same confidences.

    Parameters
    ----------
    mean, q95 : float or None
        Mean and 95 % point of its ECE.
    p_value : float or None
        Share of draws with an ECE at least as large as the observed one, that one counted among them.
    draws, seed : int
        Number of draws and seed of the generator, stored so that a run can repeat.
    bins : int
        Number of equal-width bins.
    reason : str or None
        Why the figures are None.
    """

    mean: float | None
    q95: float | None
    p_value: float | None
    draws: int
    seed: int
    bins: int
    reason: str | None


def calibration_error(groups: Groups, *, bins: int = 10) -> CalibrationError:
    """Measure ECE, MCE and debiased ECE over equal-width bins.

    ECE = Σ n_b/N · |success rate_b − mean confidence_b|. The debiased ECE takes away the mean of what a
    normal error of each success rate adds to its distance.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence.
    bins : int
        Number of bins, at least 1.

    Returns
    -------
    CalibrationError
        The errors, None with a reason without labelled decisions.

    Raises
    ------
    ValueError
        When `bins` is below 1.

    References
    ----------
    Naeini, Cooper and Hauskrecht (2015), "Obtaining well calibrated probabilities using Bayesian binning".
    Kumar, Liang and Ma (2019), "Verified uncertainty calibration", for the debiased error.
    """
    sums = sum_bins(groups, equal_width_index(groups, bins), bins)
    n = groups.labelled
    if n == 0:
        return CalibrationError(ece=None, mce=None, mce_n=None, ece_debiased=None, bins=bins, n=0, reason=NO_LABELS)
    ece = int(_gap(sums).sum()) / (LATTICE * n)
    distance = _gap(sums) / (LATTICE * np.maximum(sums.n, 1))
    worst = int(np.argmax(distance))
    return CalibrationError(
        ece=ece,
        mce=float(distance[worst]),
        mce_n=int(sums.n[worst]),
        ece_debiased=2.0 * ece - _mean_noisy_error(sums, distance),
        bins=bins,
        n=n,
        reason=None,
    )


def noise_floor(groups: Groups, *, bins: int = 10, draws: int = 999, seed: int = 0) -> NoiseFloor:
    """Draw outcomes from the confidences themselves and look at the ECE that results.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence.
    bins : int
        Number of bins, at least 1.
    draws : int
        Number of draws, at least 1.
    seed : int
        Seed of the generator, at least 0.

    Returns
    -------
    NoiseFloor
        Mean, 95 % point and p-value, None with a reason without labelled decisions.

    Raises
    ------
    ValueError
        When `bins` or `draws` is below 1 or the seed is negative.

    References
    ----------
    Bröcker and Smith (2007), "Increasing the reliability of reliability diagrams" (consistency resampling).
    """
    check_at_least("draws", draws, 1)
    check_seed(seed)
    labelled = groups.with_labels()
    index = equal_width_index(labelled, bins)
    if len(labelled) == 0:
        return NoiseFloor(mean=None, q95=None, p_value=None, draws=draws, seed=seed, bins=bins, reason=NO_LABELS)
    sums = sum_bins(labelled, index, bins)
    drawn = _drawn_gaps(labelled, index, sums, draws, seed)
    # Gaps are whole numbers of lattice steps, so that a tie with the observed error is seen as one.
    as_large = int(np.count_nonzero(drawn >= _gap(sums).sum()))
    scale = LATTICE * labelled.labelled
    return NoiseFloor(
        mean=float(drawn.mean()) / scale,
        q95=float(np.quantile(drawn, 0.95)) / scale,
        p_value=(1 + as_large) / (1 + draws),
        draws=draws,
        seed=seed,
        bins=bins,
        reason=None,
    )


def _gap(sums: BinSums) -> IntArray:
    gap: IntArray = np.abs(LATTICE * sums.successes - sums.lattice_sum)
    return gap


def _mean_noisy_error(sums: BinSums, distance: FloatArray) -> float:
    """Mean of Σ n_b/N · |distance_b + noise_b| for normal noise: the mean of a folded normal."""
    size = np.maximum(sums.n, 1)
    rate = sums.successes / size
    spread = np.sqrt(rate * (1.0 - rate) / size)
    ratio = np.divide(distance, spread, out=np.full_like(distance, np.inf), where=spread > 0)
    tail = scipy.special.ndtr(-ratio)
    folded = spread * np.sqrt(2.0 / np.pi) * np.exp(-0.5 * ratio**2) + distance * (1.0 - 2.0 * tail)
    return float(np.sum(sums.n * folded) / sums.n.sum())


def _drawn_gaps(labelled: Groups, index: IntArray, sums: BinSums, draws: int, seed: int) -> IntArray:
    """Draw the successes of each bin, all draws at once, and return the gaps, added up over the bins."""
    generator = np.random.default_rng(seed)
    gaps = np.zeros(draws, dtype=np.int64)
    for place in np.unique(index):
        first, probability = _successes_of_bin(labelled.n[index == place], labelled.confidence[index == place])
        reached = np.cumsum(probability)
        drawn = first + np.searchsorted(reached, generator.random(draws) * reached[-1], side="right")
        gaps += np.abs(LATTICE * drawn - sums.lattice_sum[place])
    return gaps


def _successes_of_bin(n: IntArray, p: FloatArray) -> tuple[int, FloatArray]:
    """Return the first of some numbers of successes and their probabilities: a sum of binomials, by its spectrum.

    Numbers further from the mean than nine standard deviations and 60 have probabilities below 1e-15 (Bernstein), and
    so have frequencies that are damped by exp(-40): leaving both out is exact in floating point.

    References
    ----------
    Hong (2013), "On computing the distribution function for the Poisson binomial distribution".
    """
    mean, variance = float(n @ p), float(n @ (p * (1.0 - p)))
    reach = math.ceil(9.0 * math.sqrt(variance)) + 60
    size = 2 * reach + 1
    angle = 2.0 * np.pi * np.arange(reach + 1) / size
    angle = angle[2.0 * variance * np.sin(angle / 2.0) ** 2 < 40.0]
    spectrum = np.exp(np.log1p(p * (np.exp(-1j * angle)[:, None] - 1.0)) @ n)
    first = max(math.floor(mean) - reach, 0)
    numbers = np.arange(first, min(math.floor(mean) + reach, int(n.sum())) + 1)
    probability = np.maximum(np.fft.irfft(spectrum, size), 0.0)
    return first, probability[numbers % size]
