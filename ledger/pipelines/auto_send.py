"""Auto-send: may this drafted reply go out without a person? And what did the answer to it say?"""

from __future__ import annotations

from dataclasses import dataclass

from confidence_project.foundation.errors import DomainError
from confidence_project.foundation.submissions import Submission
from governance.models import Workspace
from governance.vocabulary import HostId, Identifier, ModelName
from ledger.contracts import DecisionGatePayload
from ledger.domains.book import standing_label
from ledger.domains.drafts import DRAFTS
from ledger.models import DecisionOutcome, DecisionRecord
from ledger.pipelines.gated import GatedRequest, PromptText, Reference, find_decided, gate_once
from ledger.pipelines.prompted import Judgement, judge_by_prompt
from ledger.reasons import PipelineReason
from ledger.recording import four_decimals
from telemetry.contracts import SentimentEnvelope
from telemetry.models import AIDraft
from telemetry.prompts import AutoSendEvaluation
from telemetry.services import record_sentiments

POLICY_KEY = DRAFTS.policy_key
PROMPT_KEY = "auto_send.evaluate.v1"


class DraftToEvaluate(GatedRequest):
    """A drafted reply with what it answers. The texts go to the evaluator and are not kept."""

    external_id: Reference
    conversation: PromptText
    draft: PromptText
    channel: Identifier
    case_key: HostId = ""
    model: ModelName = ""


@dataclass(frozen=True, slots=True)
class DraftVerdict:
    """`send` True: the draft may go out without a person. `created` False: it was evaluated before."""

    draft: AIDraft
    decision: DecisionRecord
    created: bool

    @property
    def send(self) -> bool:
        return self.decision.gate_verdict == DecisionRecord.Verdict.ALLOW

    @property
    def reason(self) -> str:
        return self.decision.gate_reason


def evaluate_draft(*, workspace: Workspace, draft: DraftToEvaluate) -> DraftVerdict:
    """Let the evaluator judge a draft, gate its judgement, and commit draft and verdict together.

    A draft is evaluated once: the same again is answered with its first verdict, also when that was a block because
    the evaluator failed. An evaluator that advises against sending blocks (`not_recommended`) whatever its confidence.

    Raises
    ------
    Conflict
        The id belongs to another draft.
    InvalidInput
        No model is configured.
    """
    ledger_id = _ledger_id(draft.external_id)
    known = find_decided(workspace, ledger_id, draft.body_sha256)
    if known is not None:
        return _verdict(workspace, draft.external_id, known, created=False)
    judgement = judge_by_prompt(
        workspace=workspace,
        policy_key=POLICY_KEY,
        prompt_key=PROMPT_KEY,
        output=AutoSendEvaluation,
        variables={"channel": draft.channel, "conversation": draft.conversation, "draft": draft.draft},
        model=draft.model,
    )
    stored = gate_once(
        workspace,
        _payload(draft, judgement),
        ledger_id=ledger_id,
        body_sha256=draft.body_sha256,
        case_key=draft.case_key,
        interaction_id=judgement.interaction_id,
        row=lambda record: _row(workspace, draft, judgement, record),
    )
    return _verdict(workspace, draft.external_id, stored.record, created=stored.created)


def _ledger_id(external_id: str) -> str:
    return f"{POLICY_KEY}:{external_id}"


def _payload(draft: DraftToEvaluate, judgement: Judgement[AutoSendEvaluation]) -> DecisionGatePayload:
    recommended = _recommends_sending(judgement)
    return judgement.payload(
        confidence=judgement.output.confidence if judgement.output else None,
        action_type="send" if recommended else "skip",
        channel=draft.channel,
        precheck=None if recommended else PipelineReason.NOT_RECOMMENDED,
    )


def _recommends_sending(judgement: Judgement[AutoSendEvaluation]) -> bool:
    said = judgement.output
    return said is not None and said.safe_to_send and not said.requires_human_review


def _row(
    workspace: Workspace, draft: DraftToEvaluate, judgement: Judgement[AutoSendEvaluation], record: DecisionRecord
) -> AIDraft:
    allowed = record.gate_verdict == DecisionRecord.Verdict.ALLOW
    return AIDraft(
        workspace=workspace,
        external_id=draft.external_id,
        body_sha256=draft.body_sha256,
        created_at=record.occurred_at,
        evaluated_at=record.occurred_at,
        provider=judgement.provider,
        model=judgement.model,
        # The column is the confidence in sending: one in not sending is none, and no evidence for the threshold.
        confidence=record.llm_confidence if _recommends_sending(judgement) else None,
        threshold=four_decimals(record.thresholds.get("auto_send_threshold")),
        action=AIDraft.Action.SEND if allowed else AIDraft.Action.HOLD,
        channel=draft.channel,
        case_key=draft.case_key,
    )


def _verdict(workspace: Workspace, external_id: str, decision: DecisionRecord, *, created: bool) -> DraftVerdict:
    return DraftVerdict(AIDraft.objects.in_workspace(workspace).get(external_id=external_id), decision, created)


def record_reply(*, workspace: Workspace, reply: SentimentEnvelope) -> DecisionOutcome | None:
    """Store the sentiment of a message that answered a draft; it labels the draft's decision (`ledger.domains.drafts`).

    Returns
    -------
    DecisionOutcome or None
        The label that stands; None while the draft is unlabelled.

    Raises
    ------
    InvalidInput
        No such draft, or an impossible time.
    Conflict
        The message's id stands for another message.
    """
    (result,) = record_sentiments(workspace=workspace, submissions=[Submission.of(reply)])
    if isinstance(result, DomainError):
        raise result
    return standing_label(result.record.draft)
