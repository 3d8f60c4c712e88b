"""Exact sufficient statistics: decisions grouped by their 4-decimal confidence.

Every figure of this package is a function of these counts, so at most 10,001 groups describe any number of
rows without loss, and the groups of several periods add up to the groups of the whole window.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.statistics.lattice import LATTICE, FloatArray, IntArray, threshold_to_lattice, to_counts, to_lattice


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Groups:
    """Decisions of one period or window, counted per distinct confidence.

    Parameters
    ----------
    value : ndarray of int64, shape (k,)
        Distinct lattice values 0…10,000 (ten thousand times the confidence), strictly ascending.
    n : ndarray of int64, shape (k,)
        Labelled decisions with that value.
    successes : ndarray of int64, shape (k,)
        Labelled decisions with that value whose outcome was a success.
    total : ndarray of int64, shape (k,)
        All decisions with that value, labelled or not.

    Raises
    ------
    ValueError
        When shapes differ, values are not ascending lattice values, or counts contradict each other.
    """

    value: IntArray
    n: IntArray
    successes: IntArray
    total: IntArray

    def __post_init__(self) -> None:
        """Check the counts against each other and freeze them."""
        for name in ("value", "n", "successes", "total"):
            column = to_counts(name, getattr(self, name))
            column.setflags(write=False)
            object.__setattr__(self, name, column)
        if not self.value.shape == self.n.shape == self.successes.shape == self.total.shape:
            raise ValueError("value, n, successes and total must have equal lengths, one entry per group.")
        if self.value.size and (self.value[-1] > LATTICE or np.any(np.diff(self.value) <= 0)):
            raise ValueError("value must ascend strictly within 0…10000: build groups with from_arrays.")
        if np.any(self.successes > self.n):
            raise ValueError("successes must not exceed n: a success is a labelled decision.")
        if np.any(self.n > self.total):
            raise ValueError("total must not be below n: it counts all decisions, labelled or not.")

    @classmethod
    def from_arrays(
        cls, confidence: ArrayLike, n: ArrayLike, successes: ArrayLike, total: ArrayLike | None = None
    ) -> Self:
        """Group counts by confidence; entries come in any order and repeated confidences add up.

        Parameters
        ----------
        confidence : array_like, shape (k,)
            Confidences in [0, 1] with at most four decimals.
        n, successes : array_like, shape (k,)
            Labelled decisions and successes among them.
        total : array_like, shape (k,), optional
            All decisions, labelled or not; `n` where left out.

        Returns
        -------
        Groups
            One group per distinct confidence.

        Raises
        ------
        ValueError
            When shapes differ, a confidence is off the lattice, or counts are impossible.
        """
        value = to_lattice(confidence)
        columns = [to_counts("n", n), to_counts("successes", successes)]
        columns.append(columns[0] if total is None else to_counts("total", total))
        if any(column.shape != value.shape for column in columns):
            raise ValueError("confidence, n, successes and total must have equal lengths.")
        if np.any(columns[1] > columns[0]) or np.any(columns[0] > columns[2]):
            raise ValueError("each entry needs successes <= n <= total.")
        return cls._added_up(value, columns)

    @classmethod
    def from_outcomes(cls, confidence: ArrayLike, success: ArrayLike) -> Self:
        """Group single labelled decisions.

        Parameters
        ----------
        confidence : array_like, shape (rows,)
            Confidence of each decision, in [0, 1] with at most four decimals.
        success : array_like of bool or 0/1, shape (rows,)
            Whether its outcome was a success.

        Returns
        -------
        Groups
            One group per distinct confidence.

        Raises
        ------
        ValueError
            When shapes differ, a confidence is off the lattice or an outcome is neither 0 nor 1.
        """
        outcome = to_counts("success", success)
        return cls.from_arrays(confidence, np.ones_like(outcome), outcome)

    @classmethod
    def merge(cls, parts: Iterable["Groups"]) -> Self:
        """Add up the groups of several periods, shards or segments.

        Parameters
        ----------
        parts : iterable of Groups
            Any number of parts, also none.

        Returns
        -------
        Groups
            The groups of the union of the rows.
        """
        kept = list(parts)
        if not kept:
            return cls.empty()
        names = ("n", "successes", "total")
        columns = [np.concatenate([getattr(part, name) for part in kept]) for name in names]
        return cls._added_up(np.concatenate([part.value for part in kept]), columns)

    @classmethod
    def empty(cls) -> Self:
        """Return groups without any decision."""
        none = np.zeros(0, dtype=np.int64)
        return cls(value=none, n=none, successes=none, total=none)

    @classmethod
    def _added_up(cls, value: IntArray, columns: list[IntArray]) -> Self:
        # One slot per lattice value needs no sorting, however many entries there are.
        sums = np.zeros((len(columns), LATTICE + 1), dtype=np.int64)
        for row, column in zip(sums, columns, strict=True):
            np.add.at(row, value, column)
        distinct = np.flatnonzero(np.bincount(value, minlength=LATTICE + 1))
        n, successes, total = sums[:, distinct]
        return cls(value=distinct, n=n, successes=successes, total=total)

    def __len__(self) -> int:
        """Return the number of distinct confidences."""
        return int(self.value.size)

    @property
    def failures(self) -> IntArray:
        """Labelled decisions per group whose outcome was a failure."""
        return self.n - self.successes

    @property
    def confidence(self) -> FloatArray:
        """Confidence per group, in [0, 1]."""
        return self.value / LATTICE

    @property
    def labelled(self) -> int:
        """Number of labelled decisions."""
        return int(self.n.sum())

    @property
    def succeeded(self) -> int:
        """Number of labelled decisions that were successes."""
        return int(self.successes.sum())

    @property
    def decisions(self) -> int:
        """Number of all decisions, labelled or not."""
        return int(self.total.sum())

    def at_or_above(self, value: int) -> Self:
        """Return the groups whose lattice value is at least `value`."""
        return self._where(self.value >= value)

    def allowed_by(self, threshold: float) -> Self:
        """Return the groups that a threshold allows, as the gate compares: confidence >= threshold."""
        return self.at_or_above(threshold_to_lattice(threshold))

    def below(self, value: int) -> Self:
        """Return the groups whose lattice value is less than `value`."""
        return self._where(self.value < value)

    def with_labels(self) -> Self:
        """Return the groups that hold at least one labelled decision."""
        return self._where(self.n > 0)

    def _where(self, mask: NDArray[np.bool_]) -> Self:
        return type(self)(
            value=self.value[mask], n=self.n[mask], successes=self.successes[mask], total=self.total[mask]
        )
