"""How decisions are given to reviewers, and which of them are known cases: set by admins, kept as controls are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from confidence_project.foundation.errors import FieldProblem, InvalidInput, WrongState
from governance.access.permissions import Person
from governance.controls.services import end_control, start_control
from governance.definitions import FieldKind, PolicyDefinition, get_definition
from governance.models import Workspace
from ledger.models import DecisionRecord, KnownCase, LabellingRules, LabelSource


def rules_of(workspace: Workspace, policy_key: str) -> LabellingRules:
    """Return the rules in force for a policy, the defaults where nobody has set any."""
    rules = LabellingRules.objects.in_workspace(workspace).in_force().filter(policy_key=policy_key).first()
    return rules or LabellingRules(workspace=workspace, policy_key=policy_key)


def rules_at(workspace: Workspace, policy_key: str, moment: datetime) -> LabellingRules:
    """Return the rules that were in force for a policy at a moment, the defaults where nobody had set any."""
    then = LabellingRules.objects.in_workspace(workspace).filter(policy_key=policy_key, started_at__lte=moment)
    rules = then.exclude(ended_at__lte=moment).order_by("-started_at").first()
    return rules or LabellingRules(workspace=workspace, policy_key=policy_key)


def label_source_of(workspace: Workspace, policy_key: str, as_of: datetime) -> LabelSource:
    """Return whose labels the rules say to count that were in force for a policy at a moment."""
    return LabelSource(rules_at(workspace, policy_key, as_of).label_source or LabelSource.EVENTS)


def set_labelling_rules(
    *,
    actor: Person,
    workspace: Workspace,
    policy_key: str,
    reason: str,
    is_blind: bool = True,
    due_days: int = 7,
    twice_share: Decimal = Decimal(0),
    known_share: Decimal = Decimal(0),
    confirms_wrong: bool = False,
    leaves_out_untold: bool = False,
    judged_share: Decimal | None = None,
    label_source: str = LabelSource.EVENTS,
) -> LabellingRules:
    """Set how decisions of a policy are given to reviewers, in place of the rules before.

    Parameters
    ----------
    is_blind
        Show what model and gate said only after the answer.
    due_days
        Days from the decision until its answer is due, at least 1.
    twice_share, known_share
        From 0 (none) to 1 (all), at most 4 decimals: what a second person answers, too; what is a known case.
    confirms_wrong
        Take "wrong" for the label only once a second person says so too; where they differ, a third settles it.
    leaves_out_untold
        Leave what nobody could tell out of the evidence, which then speaks of what can be told; else it fails.
    judged_share
        From 0.05 to 1, at most 4 decimals: a judge reads what is drawn, and people label what it calls wrong and this
        share of what it calls right. None: no judge.
    label_source
        A `LabelSource`: whose labels calibration counts.

    Raises
    ------
    NotFound, PermissionRefused, UnknownPolicyKey, InvalidInput
        The workspace is not the actor's; the actor may not; the key is not known; a value is not possible.
    """
    terms: Mapping[str, Any] = {
        "is_blind": is_blind,
        "due_days": due_days,
        "twice_share": twice_share,
        "known_share": known_share,
        "confirms_wrong": confirms_wrong or None,
        "leaves_out_untold": leaves_out_untold or None,
        "judged_share": judged_share,
        "label_source": None if label_source == LabelSource.EVENTS else label_source,
    }
    rules = LabellingRules(policy_key=policy_key, **terms)
    try:
        rules.clean_fields(exclude=[field.name for field in rules._meta.fields if field.name not in terms])
    except ValidationError as error:
        problems = [FieldProblem(f"/{name}", "value", " ".join(said)) for name, said in error.message_dict.items()]
        raise InvalidInput("; ".join(f"{each.pointer[1:]}: {each.detail}" for each in problems), problems) from error
    if judged_share is not None:
        _check_judge(get_definition(policy_key), label_source, leaves_out_untold=leaves_out_untold)
    with transaction.atomic():
        workspace.lock()
        before = LabellingRules.objects.filter(policy_key=policy_key)
        if before.in_workspace(workspace).in_force().exists():
            end_control(before, actor, workspace, reason)
        return start_control(rules, actor, workspace, reason)


def _check_judge(definition: PolicyDefinition, label_source: str, *, leaves_out_untold: bool) -> None:
    """Refuse a judge where what it spares people would count as a failure, or might be left out."""
    detail = ""
    if label_source != LabelSource.DRAWN:
        detail = "a judge spares labels of what was drawn: set label_source so that these count"
    elif definition.field_of_kind(FieldKind.RISK_THRESHOLD) is not None:
        detail = "a policy with a risk threshold has no judge: leave it out"
    elif leaves_out_untold:
        detail = "what a judge spares people nobody finds untellable, so with a judge that counts as a failure"
    if detail:
        raise InvalidInput(f"judged_share: {detail}.", [FieldProblem("/judged_share", "value", detail)])


def mark_known(*, actor: Person, decision: DecisionRecord, success: bool, reason: str) -> KnownCase:
    """Mix a decision in among the others as one whose truth is known.

    Raises
    ------
    NotFound, PermissionRefused, InvalidInput
        The workspace is not the actor's; the actor may not; the reason is empty.
    AlreadySo
        It is a known case already.
    WrongState
        There was no action that could have been right or wrong.
    """
    if decision.llm_confidence is None and decision.gate_verdict == DecisionRecord.Verdict.BLOCK:
        raise WrongState("There was no action to judge: the decision was blocked without a confidence.")
    case = KnownCase(policy_key=decision.policy_key, decision=decision, success=success)
    return start_control(case, actor, decision.workspace, reason)


def withdraw_known(*, actor: Person, case: KnownCase, reason: str) -> KnownCase:
    """Mix a known case in no more; what was answered to it stays. Raises as `end_control`."""
    return end_control(KnownCase.objects.filter(pk=case.pk), actor, case.workspace, reason)
