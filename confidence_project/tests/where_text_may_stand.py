"""The columns in which words of people or names of hosts may stand, and why."""

from __future__ import annotations

SAID_BY_PEOPLE = {
    "calibration_reviewcalendar.reason": "who sets a calendar of reviews says why",
    "calibration_candidate.reason": "who registers a candidate, too",
    "calibration_candidateend.reason": "and who withdraws it",
    "evidence_pack_evidencepack.seed": "what the auditor picks decisions by: letters and digits",
    "governance_confidencepolicyproposal.title": "what a person proposes, in their words",
    "governance_confidencepolicyproposal.summary": "and why",
    "governance_confidencepolicyproposal.reject_reason": "a rejection says why",
    "governance_confidencepolicyrevision.reason": "an application and a rollback say why",
    "governance_declaredname.name": "what a person declares that a provider or a model is called",
    "governance_policykey.policy_key": "what a superuser calls a policy key",
    "governance_policykey.definition": "its titles, and the names of its fields and actions",
    "governance_policykey.reason": "and why it is wanted",
    "governance_policykeyevent.policy_key": "which key another one confirmed or refused",
    "governance_policykeyevent.reason": "and why",
    "governance_workspaceevent.subject": "and the history of a workspace keeps that it was",
    "governance_groupgrant.group": "what a superuser lets in: the name of a group of the company",
    "governance_invitation.name": "whom a superuser invites",
    "governance_proposalcomment.text": "what people say to each other about a proposal",
    "governance_legalhold.reason": "who places a legal hold says why",
    "governance_legalhold.end_reason": "and who lifts it",
    "governance_retentionperiod.reason": "who sets a retention period says why",
    "governance_retentionperiod.end_reason": "and who ends it",
    "governance_proposalevent.reason": "the history of a proposal keeps what people said",
    "governance_rolloutevent.reason": "the history of a rollout, too",
    "governance_savedfilter.name": "what a person calls filters that they keep for themselves",
    "governance_savedfilter.query": "the filters, as the address of the list has them",
    "ledger_decisionimport.file_name": "what a person called the file, without its blanks",
    "ledger_decisionimport.mapping": "what a person declares of the columns of a file: its names and words",
    "ledger_savedmapping.mapping": "and keeps for the next file",
    "ledger_savedmapping.name": "under a name of their choice",
    "ledger_labellingrules.reason": "why decisions are labelled by these rules",
    "ledger_labellingrules.end_reason": "and why no longer",
    "ledger_knowncase.reason": "how the truth of a decision is known",
    "ledger_knowncase.end_reason": "and why it is mixed in no more",
    "ledger_ledgerremoval.reason": "who erases a case says why",
    "ledger_modelserver.provider": "what a superuser calls the provider of a model's server",
    "ledger_modelserver.reason": "and why it is asked",
    "ledger_questionbinding.question": "the question that a person binds to a policy",
    "ledger_questionbinding.reason": "and why",
    "ledger_questionbinding.end_reason": "and why no longer",
    "telemetry_evaluator.name": "what a person declares of an evaluator: its name",
    "telemetry_evaluator.passing_labels": "its labels of a success",
    "telemetry_evaluator.failing_labels": "and of a failure",
    "telemetry_evaluator.reason": "and why",
}
"""Where text may stand, because a person wrote it in order that others read it."""

IN_CONFIGS = {
    "calibration_answersalarm.segment": "the names of a certificate's segment, in the alarm over its answers",
    "governance_confidencepolicyproposal.config": "a name of a segment that an override is for",
    "governance_confidencepolicyproposal.base_config": "and once it is applied, in what later ones are compared with",
}

OWN_ID = "an id that the host made, so that a retry is not a second record"

CASE = "the host's id of the conversation, ticket or lead"

NAMED = (
    "a name that no list can foresee: of a provider, a model, a feature, a prompt, a task, a channel, a decision, a "
    "reviewer elsewhere"
)

CHOSEN_BY_HOSTS = {
    "telemetry_aiinteraction": {
        OWN_ID: ["external_id", "response_id"],
        NAMED: ["feature_id", "prompt_key", "provider", "model", "operation", "error_type"],
    },
    "telemetry_reception": {NAMED: ["last_name"]},
    "telemetry_aidraft": {OWN_ID: ["external_id"], CASE: ["case_key"], NAMED: ["provider", "model", "channel"]},
    "telemetry_inboundmessage": {OWN_ID: ["external_id"]},
    "telemetry_meetingoverseerdecision": {
        OWN_ID: ["external_id", "message_ref"],
        NAMED: ["provider", "model", "prompt_key", "decision", "human_override"],
    },
    "telemetry_followupbooking": {OWN_ID: ["external_id"], CASE: ["case_key"], NAMED: ["provider", "model"]},
    "decision_ledger": {
        OWN_ID: ["external_id"],
        CASE: ["case_key"],
        NAMED: ["provider", "model", "task", "channel"],
    },
    "ledger_question": {NAMED: ["task"]},
    "ledger_dailycount": {NAMED: ["provider", "model", "task"]},
    "ledger_decisionexternalid": {OWN_ID: ["external_id"]},
    "ledger_decisionoutcome": {OWN_ID: ["external_id"]},
    "ledger_judgeverdict": {OWN_ID: ["external_id"]},
    "ledger_judgement": {NAMED: ["person_name"]},
}
"""Where a word without white space may stand, and why: nothing tells a name from a word that looks like one."""

NAMES = {
    f"{table}.{column}"
    for table, columns in CHOSEN_BY_HOSTS.items()
    for listed in columns.values()
    for column in listed
}
