"""The one statement that counts decisions in an engine. It says what `evidence.counting` says of the ledger.

Its rows are those of `evidence.counting`, with what is wrong with them as the last column.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from calibration.engines.columns import NUMBERS, WRONG, Columns, quoted
from calibration.engines.engine import DECISIONS, OUTCOMES, Engine
from calibration.engines.mapping import EngineMapping
from calibration.engines.problems import Problem
from calibration.evidence.contract import ABSENT, HISTORY, EvidenceRequest, Stratum
from ledger.models import DecisionOutcome, DecisionRecord
from ledger.models.decisions import POOLED_AS_ASKED
from ledger.reasons import JUDGED_BY_THRESHOLDS


def written(engine: Engine, mapping: EngineMapping, request: EvidenceRequest, *, are_in_one: bool) -> exp.Expr:
    """Return the statement for a request.

    Parameters
    ----------
    are_in_one
        Labels stand in the rows of the decisions, so that only those of the window are looked at.
    """
    decisions = Columns(mapping=mapping, names=mapping.columns, kinds=engine.columns(DECISIONS))
    names = {"external_id": mapping.columns["external_id"], **mapping.outcome_columns}
    outcomes = Columns(mapping=mapping, names=names, kinds=engine.columns(OUTCOMES))
    where = " AND ".join(_inside(decisions, request))
    return sqlglot.parse_one(
        f"WITH counted AS (SELECT DISTINCT {', '.join(_decision(decisions, request))} FROM {DECISIONS} AS source "  # noqa: S608
        f"WHERE {where}), "
        f"labels AS ({_labels(outcomes, request, where if are_in_one else '')}), "
        f"labelled AS ({_labelled()}), "
        f"collapsed AS ({_collapsed(request) if decisions.has('case_key') else _alone()}) "
        f"{_counts(request)}",
        read="duckdb",
    )


def _inside(columns: Columns, request: EvidenceRequest) -> list[str]:
    conditions = [columns.within("decided_at", request.start, request.window_end)]
    conditions.append(f"{columns.text('policy_key')} = {quoted(request.policy_key)}")
    if columns.has("recorded_at"):
        conditions.append(columns.by("recorded_at", request.received_by))
    return conditions


def _decision(columns: Columns, request: EvidenceRequest) -> list[str]:
    """One row for each decision; the same row again is the same decision."""
    steps = [*request.period_starts, request.mature_end]
    periods = " ".join(f"WHEN {columns.before('decided_at', at)} THEN {place}" for place, at in enumerate(steps))
    stratum, confidence = _stratum(columns), columns.lattice("confidence")
    kept = (
        f"{columns.before('decided_at', request.mature_end)} AND {columns.text('external_id')} <> '' "
        f"AND {confidence} IS NOT NULL AND {stratum} <> {int(Stratum.OTHER_CHECKS)}"
    )
    return [
        f"{columns.text('external_id')} AS evidence_id",
        f"{columns.reference('decided_at')} AS evidence_at",
        f"{columns.text('case_key')} AS evidence_case",
        *(f"{_segment(columns, key, request)} AS {_name(place)}" for place, key in enumerate(request.segment_by)),
        f"CASE {periods} ELSE {len(steps)} END AS evidence_period",
        f"{stratum} AS evidence_stratum",
        f"{_band(columns, request)} AS evidence_band",
        f"{columns.lattice('label_propensity')} AS evidence_rate",
        f"{confidence} AS evidence_confidence",
        f"{columns.lattice('threshold')} AS evidence_threshold",
        f"{columns.lattice('risk_threshold')} AS evidence_risk_threshold",
        f"CASE WHEN {kept} THEN 1 ELSE 0 END AS evidence_kept",
        f"{_problem(columns)} AS evidence_problem",
    ]


def _segment(columns: Columns, key: str, request: EvidenceRequest) -> str:
    text = _kind(columns) if key == "confidence_kind" else columns.text(key)
    if key in request.asked_for or key == "confidence_kind":
        return text
    pooled = ", ".join(f"'{kind}'" for kind in POOLED_AS_ASKED)
    return f"CASE WHEN {_kind(columns)} IN ({pooled}) THEN NULL ELSE {text} END"


def _kind(columns: Columns) -> str:
    return f"COALESCE(NULLIF({columns.text('confidence_kind')}, ''), 'unspecified')"


def _origin(columns: Columns) -> str:
    return columns.text("origin") if columns.has("origin") else f"'{DecisionRecord.Origin.IMPORT}'"


def _verdict(columns: Columns) -> str:
    return f"COALESCE(NULLIF({columns.text('gate_verdict')}, ''), '{DecisionRecord.Verdict.ALLOW}')"


def _audited(columns: Columns) -> str:
    return f"({columns.truth('audit_selected')})" if columns.has("audit_selected") else "0"


def _stratum(columns: Columns) -> str:
    judged = ", ".join(f"'{reason}'" for reason in JUDGED_BY_THRESHOLDS)
    is_history = f"{_origin(columns)} = '{DecisionRecord.Origin.IMPORT}'"
    return (
        f"CASE WHEN {is_history} AND {_verdict(columns)} = 'allow' THEN {int(Stratum.COMPLETE)} "
        f"WHEN {is_history} THEN {int(Stratum.HISTORY_BLOCKED)} "
        f"WHEN COALESCE({_audited(columns)}, 0) = 1 AND {_verdict(columns)} = 'allow' THEN {int(Stratum.DRAWN)} "
        f"WHEN COALESCE({_audited(columns)}, 0) = 1 THEN {int(Stratum.AUDITED)} "
        f"WHEN {columns.text('gate_reason')} NOT IN ({judged}) THEN {int(Stratum.OTHER_CHECKS)} "
        f"ELSE {int(Stratum.GATED)} END"
    )


def _band(columns: Columns, request: EvidenceRequest) -> str:
    if not request.risk_edges:
        return "0"
    risk = columns.lattice("ml_risk_score")
    steps = " ".join(f"WHEN {risk} < {edge} THEN {place}" for place, edge in enumerate(request.risk_edges))
    return f"CASE WHEN {risk} IS NULL THEN {ABSENT} {steps} ELSE {len(request.risk_edges)} END"


def _problem(columns: Columns) -> str:
    audited = _audited(columns)
    propensity = columns.reference("label_propensity", NUMBERS) if columns.has("label_propensity") else "0"
    conditions = {
        Problem.NO_ID: f"{columns.text('external_id')} = ''",
        Problem.CONFIDENCE: columns.is_no_probability("confidence"),
        Problem.RISK: columns.is_no_probability("ml_risk_score"),
        Problem.PROPENSITY: columns.is_no_probability("label_propensity"),
        Problem.THRESHOLD: f"{columns.is_no_probability('threshold')} OR {columns.is_no_probability('risk_threshold')}",
        Problem.VERDICT: f"{_verdict(columns)} NOT IN ('allow', 'block', 'ask')",
        Problem.ORIGIN: f"{_origin(columns)} NOT IN ('gate', 'import', 'observed')",
        Problem.AUDIT: f"{audited} = {WRONG} OR ({audited} = 1 AND {propensity} IS NULL)",
    }
    cases = " ".join(f"WHEN {condition} THEN {int(problem)}" for problem, condition in conditions.items())
    return f"CASE {cases} ELSE 0 END"


def _labels(columns: Columns, request: EvidenceRequest, where: str) -> str:
    """The ruling outcome of each decision, as `ledger.selectors.RULES_FIRST` has it; of equals, the failure."""
    standing = [where] if where else []
    if columns.has("recorded_at"):
        standing.append(columns.by("recorded_at", request.labels_as_of))
    if columns.has("voided_at"):
        voided = columns.reference("voided_at")
        standing.append(f"({voided} IS NULL OR NOT ({columns.by('voided_at', request.labels_as_of)}))")
    person = DecisionOutcome.Source.HUMAN_REVIEW
    order = [f"CASE WHEN {columns.text('outcome_source')} = '{person}' THEN 0 ELSE 1 END"]
    latest = [name for name in ("observed_at", "sequence", "recorded_at") if columns.has(name)]
    order += [f"{columns.reference(name)} DESC NULLS LAST" for name in latest]
    conditions = " AND ".join([f"({columns.success()}) IS NOT NULL", *standing])
    return (
        f"SELECT told.evidence_id, told.evidence_success FROM (SELECT {columns.text('external_id')} AS evidence_id, "  # noqa: S608
        f"{columns.success()} AS evidence_success, ROW_NUMBER() OVER (PARTITION BY {columns.text('external_id')} "
        f"ORDER BY {', '.join([*order, columns.success()])}) AS evidence_place FROM {OUTCOMES} AS source "
        f"WHERE {conditions}) AS told WHERE told.evidence_place = 1"
    )


def _labelled() -> str:
    return (
        "SELECT counted.*, labels.evidence_success, COUNT(*) OVER (PARTITION BY counted.evidence_id) AS "
        "evidence_versions FROM counted LEFT JOIN labels ON labels.evidence_id = counted.evidence_id"
    )


def _alone() -> str:
    return "SELECT labelled.*, 1 AS evidence_copies, evidence_stratum AS evidence_counted_as FROM labelled"


def _collapsed(request: EvidenceRequest) -> str:
    """Of each case the earliest decision that is evidence counts, and the later ones are shown beside it."""
    partition = ", ".join([*(_name(place) for place in range(len(request.segment_by))), "evidence_case"])
    history = ", ".join(str(int(stratum)) for stratum in HISTORY)
    columns = [
        *(f"numbered.{_name(place)}" for place in range(len(request.segment_by))),
        *(f"numbered.evidence_{name}" for name in _CARRIED),
    ]
    return (
        f"SELECT {', '.join(columns).replace('numbered.', 'labelled.')}, 1 AS evidence_copies, "  # noqa: S608
        "evidence_stratum AS evidence_counted_as FROM labelled WHERE evidence_case = '' "
        f"UNION ALL SELECT {', '.join(columns)}, "
        "CASE WHEN evidence_place = 1 THEN evidence_of_case ELSE 0 END AS evidence_copies, "
        "CASE WHEN evidence_place = 1 THEN evidence_stratum "
        f"WHEN evidence_stratum IN ({history}) THEN {int(Stratum.LATER_OF_HISTORY)} ELSE {int(Stratum.LATER)} END "
        "AS evidence_counted_as FROM (SELECT labelled.*, ROW_NUMBER() OVER "
        f"(PARTITION BY {partition} ORDER BY 1 - evidence_kept, evidence_at, evidence_id) AS evidence_place, "
        f"SUM(evidence_kept) OVER (PARTITION BY {partition}) AS evidence_of_case "
        "FROM labelled WHERE evidence_case <> '') AS numbered "
        "WHERE evidence_place = 1 OR evidence_kept = 1 OR evidence_problem > 0 OR evidence_versions > 1"
    )


_CARRIED = (
    "period", "stratum", "band", "rate", "confidence", "threshold", "risk_threshold", "problem", "success", "versions"
)  # fmt: skip


def _counts(request: EvidenceRequest) -> str:
    segments = [_name(place) for place in range(len(request.segment_by))]
    problem = (
        f"CASE WHEN evidence_problem > 0 THEN evidence_problem WHEN evidence_versions > 1 THEN {int(Problem.DIFFERS)} "
        f"WHEN evidence_success = {WRONG} THEN {int(Problem.LABEL)} ELSE 0 END"
    )
    keys = [
        *segments,
        "evidence_period",
        "evidence_counted_as",
        "evidence_band",
        "evidence_rate",
        "evidence_confidence",
    ]
    return (
        f"SELECT {', '.join([*keys[:-2], *_TOLD])}, {problem} AS evidence_wrong "  # noqa: S608
        f"FROM collapsed GROUP BY {', '.join(keys)}, {problem}"
    )


_TOLD = (
    "COUNT(*) AS evidence_decisions",
    "SUM(evidence_copies) AS evidence_rows",
    f"COUNT(CASE WHEN evidence_success > {WRONG} THEN 1 END) AS evidence_labelled",
    "COUNT(CASE WHEN evidence_success = 1 THEN 1 END) AS evidence_successes",
    f"COALESCE(evidence_rate, {ABSENT}) AS evidence_audit_rate",
    f"COALESCE(evidence_confidence, {ABSENT}) AS evidence_stated",
    f"COALESCE(MAX(evidence_threshold), {ABSENT}) AS evidence_highest",
    f"COALESCE(MIN(evidence_risk_threshold), {ABSENT}) AS evidence_lowest",
)


def _name(place: int) -> str:
    return f"evidence_segment_{place}"
