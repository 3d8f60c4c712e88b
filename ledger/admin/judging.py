"""The form with which a person says whether a decision was right."""

from __future__ import annotations

from typing import Any

from django import forms

from governance.models.controls import REASON_LENGTH
from ledger.models import DecisionRecord
from ledger.reviews import last_seen


class ReviewForm(forms.Form):
    """Whether an action was right, or would have been, and what had been answered when the page was opened."""

    success = forms.TypedChoiceField(coerce=lambda answer: answer == "right", widget=forms.RadioSelect)
    seen = forms.IntegerField(min_value=0, max_value=2**31 - 2, widget=forms.HiddenInput)

    def __init__(self, data: Any, decision: DecisionRecord) -> None:
        super().__init__(data, initial={"seen": last_seen(decision)})
        field: Any = self.fields["success"]
        if decision.gate_verdict != DecisionRecord.Verdict.ALLOW:
            asked = decision.gate_verdict == DecisionRecord.Verdict.ASK
            field.label = "Had it been allowed, the action would have been"
            field.choices = [
                ("right", "Right: it should have been allowed"),
                ("wrong", f"Wrong: it was good to {'ask' if asked else 'block it'}"),
            ]
        else:
            field.label = "The action was"
            field.choices = [
                ("right", "Right: it was good to allow it"),
                ("wrong", "Wrong: it should have been blocked"),
            ]
        field.label_suffix = ""
        field.help_text = f"{_what_it_counts_for(decision)} It is added under your name; the verdict stays as it is."


class KnownCaseForm(forms.Form):
    """What is known of a decision, and from where."""

    success = forms.TypedChoiceField(
        label="The truth is that the action was, or would have been,",
        coerce=lambda answer: answer == "right",
        choices=[("right", "Right"), ("wrong", "Wrong")],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label="How is that known?",
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Reviewers are shown the decision like any other, and their answers tell how often they err.",
    )


def _what_it_counts_for(decision: DecisionRecord) -> str:
    if decision.audit_selected:
        return "Drawn at random: in calibration your answer stands for others that were not, too."
    if decision.gate_verdict == DecisionRecord.Verdict.ALLOW:
        return "In calibration your answer rules over an automatic one."
    if decision.origin == DecisionRecord.Origin.IMPORT:
        return (
            "In calibration your answer rules over an automatic one; labels of imported blocks count only where all of "
            "the imported history is labelled."
        )
    return "Not drawn at random: your answer is kept, and calibration sets no threshold by it."
