"""Generated decisions to explain figures with: the same on every machine, whatever numpy's version.

Only uniform numbers are drawn; everything else is a function of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import special

from calibration.statistics.groups import Groups

Shares = NDArray[np.float64]

ALPHA, DELTA = 0.05, 0.05


def modest(confidence: Shares) -> Shares:
    """Succeed more often than is claimed: a threshold can be certified."""
    return 1.0 - (1.0 - confidence) / 3.5


def careful(confidence: Shares) -> Shares:
    """Succeed far more often than is claimed."""
    return 1.0 - (1.0 - confidence) / 6


def honest(confidence: Shares) -> Shares:
    """Succeed as often as is claimed."""
    return confidence


def boastful(confidence: Shares) -> Shares:
    """Succeed less often than is claimed."""
    return 0.985 * confidence**1.7


def generate(
    size: int,
    succeed: Callable[[Shares], Shares],
    *,
    seed: int,
    labelled: float = 1.0,
    shape: tuple[float, float] = (8, 2),
    decimals: int = 4,
) -> Groups:
    """Return `size` decisions with Beta-distributed confidences, a share of them labelled at random."""
    generator = np.random.default_rng(seed)
    confidence = np.round(special.betaincinv(*shape, generator.random(size)), decimals)
    success = generator.random(size) < succeed(confidence)
    has_label = generator.random(size) < labelled
    return Groups.from_arrays(confidence, has_label, success & has_label, np.ones(size))
