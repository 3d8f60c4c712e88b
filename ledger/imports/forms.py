"""The exports of tools that people have, as mappings: data, read by what reads any file.

Each looks for the label under the name `correctness` and for the confidence under `confidence`, unless the tool has a
place of its own for them; whoever calls them otherwise names the place with --column. docs/import.md says how each
export is written, and what was tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.imports.paths import Path


@dataclass(frozen=True, slots=True)
class Form:
    """What a tool exports.

    Parameters
    ----------
    holds
        The tool and the export, in a few words.
    mapping
        A mapping in its JSON form.
    marks
        Places that all exist in a record of this form, and in one of no other.
    """

    holds: str
    mapping: Mapping[str, Any]
    marks: tuple[str, ...]


def _form(holds: str, *, marks: tuple[str, ...], columns: Mapping[str, str], **mapping: Any) -> Form:
    return Form(holds, {"columns": columns, "ignore_unknown": True, **mapping}, marks)


FORMS: Mapping[str, Form] = {
    "argilla": _form(
        "Argilla: records with suggestions and responses, one question",
        marks=("_server_id", "suggestions", "responses"),
        columns={
            "external_id": "id",
            "decided_at": "metadata.decided_at",
            "model": "suggestions.*.agent",
            "confidence": "suggestions.*.score",
        },
        success_when=[("suggestions.*.value", "@responses.*.value")],
    ),
    "label-studio": _form(
        "Label Studio: annotated tasks with their predictions, JSON",
        marks=("annotations.prediction", "annotations.was_cancelled", "data"),
        columns={
            "external_id": "annotations.prediction.id",
            "decided_at": "annotations.prediction.created_at",
            "model": "annotations.prediction.model_version",
            "confidence": "annotations.prediction.score",
        },
        success_when=[
            (
                "annotations.prediction.result.value.choices",
                "@annotations[was_cancelled=false].result.value.choices",
            )
        ],
    ),
    "langfuse-events": _form(
        "Langfuse: the table of events, CSV or JSON",
        marks=("traceId", "startTime", "providedModelName", "latencyMs"),
        columns={
            "external_id": "id",
            "decided_at": "startTime",
            "case_key": "traceId",
            "model": "providedModelName",
            "confidence": "confidence.*",
            "success": "correctness.*",
        },
        times="utc",
    ),
    "langfuse-observations": _form(
        "Langfuse: the table of observations, CSV or JSON",
        marks=("traceId", "startTime", "model", "promptName", "type"),
        columns={
            "external_id": "id",
            "decided_at": "startTime",
            "case_key": "traceId",
            "model": "model",
            "confidence": "confidence.*",
            "success": "correctness.*",
        },
    ),
    "langfuse-scores": _form(
        "Langfuse: the table of scores, CSV or JSON, or scores of its API",
        marks=("id", "name", "dataType", "value", "source", "timestamp"),
        columns={
            "external_id": "confidence.id",
            "decided_at": "confidence.timestamp",
            "model": "confidence.metadata.model",
            "confidence": "confidence.value",
            "success": "correctness.value",
        },
        pivot_by=["traceId", "observationId", "subject.traceId", "subject.kind", "subject.id"],
        pivot_names="name",
    ),
    "langsmith-feedback": _form(
        "LangSmith: feedback, a JSON object a line",
        marks=("run_id", "key", "score", "feedback_source"),
        columns={
            "external_id": "confidence.run_id",
            "decided_at": "confidence.start_time",
            "case_key": "confidence.trace_id",
            "confidence": "confidence.score",
            "success": "correctness.score",
        },
        pivot_by=["run_id"],
        pivot_names="key",
        times="utc",
    ),
    "langsmith-runs": _form(
        "LangSmith: runs with feedback_stats, a JSON object a line",
        marks=("run_type", "dotted_order", "feedback_stats"),
        columns={
            "external_id": "id",
            "decided_at": "start_time",
            "case_key": "trace_id",
            "provider": "extra.metadata.ls_provider",
            "model": "extra.metadata.ls_model_name",
            "confidence": "extra.metadata.confidence",
            "success": "feedback_stats.correctness.avg",
        },
    ),
    "mlflow": _form(
        "MLflow: traces with assessments, as search_traces gives them",
        marks=("trace.info.assessments", "trace.data.spans", "client_request_id"),
        columns={
            "external_id": "trace_id",
            "decided_at": "trace.info.request_time",
            "provider": "trace.data.spans.attributes.mlflow.llm.provider",
            "model": "trace.data.spans.attributes.mlflow.llm.model",
            "confidence": "trace.info.assessments[assessment_name=confidence][valid=true].feedback.value",
            "success": "trace.info.assessments[assessment_name=correctness][valid=true].feedback.value",
        },
    ),
    "phoenix-annotations": _form(
        "Arize Phoenix: annotations of spans",
        marks=("span_id", "annotation_name", "annotator_kind", "result.score"),
        columns={
            "external_id": "confidence.span_id",
            "decided_at": "confidence.created_at",
            "confidence": "confidence.result.score",
            "success": "correctness.result.score",
        },
        pivot_by=["span_id"],
        pivot_names="annotation_name",
    ),
    "phoenix-spans": _form(
        "Arize Phoenix: spans, joined with an annotation in a column",
        marks=("context.span_id", "attributes.openinference.span.kind", "start_time"),
        columns={
            "external_id": "context.span_id",
            "decided_at": "start_time",
            "case_key": "context.trace_id",
            "provider": "attributes.llm.provider",
            "model": "attributes.llm.model_name",
            "confidence": "attributes.metadata.confidence",
            "success": "correctness",
        },
    ),
    "promptfoo": _form(
        "promptfoo: results, JSON or JSON Lines",
        marks=("gradingResult", "testIdx", "promptIdx", "success"),
        columns={
            "external_id": "id",
            "model": "provider.id",
            "confidence": "response.output.confidence",
            "success": "success",
        },
        records="results.results",
    ),
}


def recognise(records: Iterable[Mapping[str, Any]]) -> str | None:
    """Return the name of the only form whose marks all stand in one of the records."""
    looked_at = list(records)
    marked = [
        name
        for name, form in FORMS.items()
        if any(all(_stands(mark, record) for mark in form.marks) for record in looked_at)
    ]
    return marked[0] if len(marked) == 1 else None


def _stands(mark: str, record: Mapping[str, Any]) -> bool:
    return mark in record or Path(mark).leads_somewhere(record)
