"""What the errors of those who label do to a certificate, and the rate at which labels are tested instead."""

from dataclasses import dataclass

from calibration.statistics.checks import check_open_unit
from calibration.statistics.intervals import clopper_pearson

LEVEL_SHARE = 0.1
"""Share of the level that the limits of the errors take from the test; they are known from fewer answers than it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAnswers:
    """Answers about decisions whose truth is known.

    Parameters
    ----------
    failures, missed : int
        Answers about failures, and how many called them successes.
    successes, accused : int
        Answers about successes, and how many called them failures.
    are_confirmed : bool
        Each answer is what several people came to, so that no failure rests on one alone.
    """

    failures: int = 0
    missed: int = 0
    successes: int = 0
    accused: int = 0
    are_confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelError:
    """Limits of the errors of labels, and what is left of the level for the test.

    Parameters
    ----------
    answers : KnownAnswers
        From which they are known.
    missed : float
        Upper limit of the probability that a failure is labelled a success.
    accused : float
        Lower limit of the probability that a success is labelled a failure.
    level : float
        What is left of the level.
    """

    answers: KnownAnswers
    missed: float
    accused: float
    level: float

    def tested_rate(self, alpha: float) -> float:
        """Return the rate of labelled failures that stands for a true failure rate of alpha: α(1 − ε₁) + (1 − α)ε₀.

        Labels fail at it or above whenever α or more fail in truth, as long as a failure is called one more often than
        a success is.
        """
        return alpha * (1.0 - self.missed) + (1.0 - alpha) * self.accused


def label_error(answers: KnownAnswers, *, level: float) -> LabelError | None:
    """Bound the errors of labels by answers about known cases.

    What harms a certificate is the missed failure, so its limit is an upper one; a success that is called a failure
    only costs coverage, so its limit is a lower one. Both hold together with a probability of at least 1 minus a tenth
    of the level. Takes for granted that known cases are labelled as well as others, and as well at every confidence.

    Parameters
    ----------
    answers : KnownAnswers
        Answers about known cases, each by itself.
    level : float
        Level of the test whose labels these are, in (0, 1).

    Returns
    -------
    LabelError or None
        None without an answer about a known failure: nothing is known of what is missed.

    Raises
    ------
    ValueError
        When counts are impossible or the level is outside (0, 1).

    References
    ----------
    Rogan and Gladen (1978), "Estimating prevalence from the results of a screening test"; Clopper and Pearson (1934).
    """
    check_open_unit("level", level)
    if not answers.failures:
        return None
    each = 1.0 - level * LEVEL_SHARE / 2
    missed = clopper_pearson([answers.missed], [answers.failures], confidence=each, sides="upper")[1]
    accused = clopper_pearson([answers.accused], [answers.successes], confidence=each, sides="lower")[0]
    return LabelError(
        answers=answers, missed=float(missed[0]), accused=float(accused[0]), level=level * (1.0 - LEVEL_SHARE)
    )
