"""Evidence from the decision ledger: of every policy key that gates."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import (
    BooleanField,
    Case,
    CharField,
    F,
    FilteredRelation,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce

from calibration.evidence.contract import EvidenceCounts, EvidenceRequest
from calibration.evidence.counting import QuerysetSource, count, count_alone, count_cases, count_out
from calibration.evidence.daily import daily_counts
from calibration.evidence.rows import DecisionRows
from governance.definitions import FieldKind
from ledger.labelling.untold import untold
from ledger.models import DecisionRecord, LedgerAmendment
from ledger.models.decisions import POOLED_AS_ASKED
from ledger.reasons import JUDGED_BY_THRESHOLDS
from ledger.selectors import ruling_success, threshold_in_force


class DecisionLedgerSource(QuerysetSource):
    """Decisions of the gate, those that hosts tell of, and imported ones, each with the outcome that rules.

    Which outcome rules is said once, by `ledger.selectors.ruling_success`.

    Confidence kinds are never pooled. What a decision model's probability means depends on who gave it, on the version
    of the model that answered and on the question, so its answers are split by those, too. A question that is worded
    otherwise, or has other options, is another question.
    """

    name = "decision ledger"
    policy_keys: frozenset[str] = frozenset()
    segment_keys = ("provider", "model", "confidence_kind", "task", "options", "channel", "prompt_hash")
    never_pooled = ("provider", "model", "confidence_kind", "task", "options", "prompt_hash")

    def collect(self, request: EvidenceRequest) -> Iterator[EvidenceCounts]:
        """Yield the daily counts of the days that have some that hold, and count the rest."""
        rows = self.rows(request)
        yield from self._counted(rows, request)
        if request.leaves_out_untold:
            yield from count_out(rows, untold(request.workspace, request.policy_key, request.labels_as_of), request)

    def _counted(self, rows: DecisionRows, request: EvidenceRequest) -> Iterator[EvidenceCounts]:
        daily = daily_counts(request)
        if daily is None:
            yield from count(rows, request)
            return
        yield daily.alone
        if daily.in_ledger:
            yield from count_alone(rows, request, daily.in_ledger)
        if daily.cases is None:
            yield from count_cases(rows, request)
        else:
            yield daily.cases

    def rows(self, request: EvidenceRequest) -> DecisionRows:
        # Nearly every decision has one outcome, so a join on the first one serves nearly all. Only for a decision
        # that has a second outcome the ruling one is looked up, and one whose only outcome was voided has none.
        known = Q(outcomes__recorded_at__lte=request.labels_as_of)
        queryset = DecisionRecord.objects.filter(
            policy_key=request.policy_key, timestamp__lte=request.received_by
        ).annotate(
            first_outcome=FilteredRelation("outcomes", condition=known & Q(outcomes__sequence=1)),
            second_outcome=FilteredRelation("outcomes", condition=known & Q(outcomes__sequence=2)),
        )
        return DecisionRows(
            queryset=queryset,
            at="occurred_at",
            confidence="llm_confidence",
            success=F("first_outcome__success"),
            rare=(
                (Q(second_outcome__id__isnull=False), ruling_success(request.labels_as_of)),
                (
                    Q(second_outcome__id__isnull=True, first_outcome__void__at__lte=request.labels_as_of),
                    # Cast: PostgreSQL takes a bare NULL of a sub-query for text.
                    Cast(Value(None), BooleanField(null=True)),
                ),
            ),
            segment={key: _segment(key, request) for key in request.segment_by},
            case_key="case_key",
            threshold=threshold_in_force(request.policy_key, FieldKind.CONFIDENCE_THRESHOLD),
            risk_threshold=threshold_in_force(request.policy_key, FieldKind.RISK_THRESHOLD),
            risk="ml_risk_score",
            audit_rate="label_propensity",
            complete=Q(origin=DecisionRecord.Origin.IMPORT, gate_verdict=DecisionRecord.Verdict.ALLOW),
            history_blocked=Q(origin=DecisionRecord.Origin.IMPORT),
            drawn=Q(audit_selected=True, gate_verdict=DecisionRecord.Verdict.ALLOW),
            audited=Q(audit_selected=True),
            other_checks=~Q(gate_reason__in=JUDGED_BY_THRESHOLDS),
        )


def _segment(key: str, request: EvidenceRequest) -> Combinable:
    if key == "prompt_hash" and key in request.asked_for:
        return _amended_prompt_hash(request)
    # What is not known is blank in a segment, since None says that the key does not split.
    column = Coalesce(F(key), Value("")) if key == "options" else F(key)
    if key in request.asked_for or key == "confidence_kind":
        return column
    pooled = When(confidence_kind__in=POOLED_AS_ASKED, then=Value(None))
    return Case(pooled, default=column, output_field=CharField(null=True))


def _amended_prompt_hash(request: EvidenceRequest) -> Combinable:
    amendments = LedgerAmendment.objects.filter(
        decision_id=OuterRef("pk"), field=LedgerAmendment.Field.PROMPT_HASH, at__lte=request.labels_as_of
    ).order_by("-id")
    return Coalesce(Subquery(amendments.values("value_after")[:1]), F("prompt_hash"))
