"""Whose labels count in a finding, and what their errors do to it, in plain words."""

from __future__ import annotations

from calibration.findings.parts import Basis
from calibration.statistics.label_error import KnownAnswers, LabelError
from confidence_project.foundation.formatting import count, percent


def source_of_labels(cohort: Basis) -> str:
    """Say whose labels count, where it is people's, and how many of the other source do not."""
    aside = cohort.labels_left_aside
    if cohort.kind == "drawn":
        left = f" {count(aside)} labels of what was not drawn were left aside." if aside else ""
        return (
            "People label what was drawn: only drawn decisions count, and one without a label counts as a failure."
            f"{left}"
        )
    if aside:
        return (
            f"Labels come from events, which leave gaps: {count(aside)} labels of drawn decisions were left aside. The "
            "labelling rules can have them rule instead."
        )
    if cohort.labels_of_drawn:
        return (
            f"Labels come from events; {count(cohort.labels_of_drawn)} of these decisions were drawn, too, and what a "
            "person said of one rules."
        )
    return ""


LABELS_TAKEN_AS_RIGHT = (
    "What people labelled is taken as right: nobody has answered about a known failure yet, which would tell how many "
    "failures they miss."
)


def tested_at(error: LabelError | None, alpha: float) -> str:
    """Say at which rate labels are tested in place of the wanted one, and what would bring it nearer."""
    if error is None:
        return ""
    answers = error.answers
    return (
        f"Labels are tested at {percent(error.tested_rate(alpha))} in place of {percent(alpha)}: reviewers"
        f"{_confirmed(answers)} missed {answers.missed} of {answers.failures} known failures, and may miss up to "
        f"{percent(error.missed)}. "
        "Answers about more known cases narrow that."
    )


def of_what_is_told(untold: int, labelled: int, *, at_several_rates: bool) -> str:
    """Say which decisions a certificate speaks of where those that nobody could tell are left out."""
    if not untold:
        return ""
    like = ", and holds of them if nobody can tell of a like share at each rate" if at_several_rates else ""
    return (
        f" It speaks of decisions of which people can tell{like}: beside {count(labelled)} labels {count(untold)} "
        "drawn decisions of which nobody could tell were left out, as the labelling rules say."
    )


def in_truth(error: LabelError | None, alpha: float, delta: float) -> str:
    """Say what a certificate of labels says of the truth, where those who label may err."""
    if error is None:
        return ""
    answers = error.answers
    return (
        f" That is of labels. Reviewers{_confirmed(answers)} missed {answers.missed} of {answers.failures} known "
        f"failures and called {answers.accused} of {answers.successes} known successes wrong, so at most "
        f"{percent(alpha)} fail in truth; both together are wrong with a probability of at most {delta:.3g}, if others "
        "are labelled as known cases are."
    )


def _confirmed(answers: KnownAnswers) -> str:
    return ", each failure confirmed by a second one," if answers.are_confirmed else ""
