"""How replies of decision models become one confidence: what a policy's definition says of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PredicateReading(StrEnum):
    """How the probability of a yes becomes a confidence."""

    YES = "yes"  # p: only a yes can be confident
    MAX = "max"  # max(p, 1 - p): a clear no is as confident as a clear yes
    SIDES = "sides"  # the same, but yes and no are two kinds of confidence, each with a threshold of its own


class Combination(StrEnum):
    """Which of several answers are acted on."""

    ALL = "all"  # each of them; one that the model abstains from stops the case
    ANY = "any"  # those that the model gives; what it abstains from is left out


class JointScore(StrEnum):
    """How sure several answers are together."""

    PRODUCT = "product"
    LEAST = "least"


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """How a decision model's reply becomes one confidence.

    Parameters
    ----------
    question
        Name of the question whose answer counts; blank: the reply holds one answer, and that one counts.
    confidence
        How a predicate's probability is read. Choices and scores state a confidence of their own.
    questions
        In place of `question`: names of several, whose answers are acted on together or not at all.
    of, score
        Which of their answers are acted on, and how sure they are together.
    """

    question: str = ""
    confidence: PredicateReading = PredicateReading.YES
    questions: tuple[str, ...] = ()
    of: Combination = Combination.ALL
    score: JointScore = JointScore.PRODUCT

    @property
    def problem(self) -> str | None:
        """Why it cannot be used, None when it can."""
        if not self.questions:
            return None
        are_names = all(isinstance(name, str) and name for name in self.questions)
        if not are_names or not 1 < len(self.questions) == len(set(self.questions)):
            return "questions are a list of two or more names, each once"
        if self.question:
            return "has either question or questions"
        return "reads sides of one question only" if self.confidence is PredicateReading.SIDES else None
