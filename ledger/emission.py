"""Verdicts as OpenTelemetry events and metrics, sent after their commit.

Where they go is for the standard `OTEL_*` variables to say. A host that has set up OpenTelemetry itself (with
`opentelemetry-instrument`, say) gets them through its own providers. Otherwise `OTEL_EXPORTER_OTLP_ENDPOINT`, or
`OTEL_METRICS_EXPORTER=otlp` and `OTEL_LOGS_EXPORTER=otlp`, turn on exporters over OTLP/HTTP, which send from a thread
of their own. Otherwise nothing is made at all.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils.module_loading import import_string
from opentelemetry import _logs, metrics
from opentelemetry._logs import Logger, SeverityNumber
from opentelemetry.metrics import Counter, Histogram, Meter

from confidence_project.foundation.bulk import Values
from governance.models import Workspace

logger = logging.getLogger(__name__)

SCOPE = "confidence.ledger"
EVENT_NAME = "confidence.decision"

_PROBABILITY_BUCKETS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]
_SECONDS_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]


@dataclass(frozen=True, slots=True)
class _Instruments:
    decisions: Counter
    confidence: Histogram
    risk: Histogram
    commit_duration: Histogram


@dataclass(frozen=True, slots=True)
class _Sinks:
    events: Logger | None = None
    instruments: _Instruments | None = None
    own: tuple[Any, ...] = ()


def emit_verdicts(workspace: Workspace, records: Sequence[Values], *, seconds: float) -> None:
    """Emit verdicts that were committed together in `seconds`. Whatever goes wrong is logged and goes no further."""
    try:
        sinks = _sinks()
        if sinks.instruments is not None and records:
            _measure(sinks.instruments, workspace, records, seconds)
        if sinks.events is not None:
            for record in records:
                _tell(sinks.events, workspace, record)
    except Exception as error:
        logger.warning("Verdicts not emitted: %s", type(error).__name__)


def _measure(instruments: _Instruments, workspace: Workspace, records: Sequence[Values], seconds: float) -> None:
    instruments.commit_duration.record(seconds)
    for record in records:
        gate = {
            "confidence.workspace": workspace.slug,
            "confidence.policy_key": record["policy_key"],
            "confidence.verdict": record["gate_verdict"],
        }
        instruments.decisions.add(1, {**gate, "confidence.reason": record["gate_reason"]})
        if record["llm_confidence"] is not None:
            # Kinds mean different things: one histogram over all of them would say nothing.
            instruments.confidence.record(
                float(record["llm_confidence"]), {**gate, "confidence.kind": record["confidence_kind"]}
            )
        if record["ml_risk_score"] is not None:
            instruments.risk.record(float(record["ml_risk_score"]), gate)


def _tell(events: Logger, workspace: Workspace, record: Values) -> None:
    attributes: dict[str, Any] = {
        "confidence.decision_id": str(record["decision_id"]),
        "confidence.workspace": workspace.slug,
        "confidence.policy_key": record["policy_key"],
        "confidence.policy_version": record["policy_version"],
        "confidence.verdict": record["gate_verdict"],
        "confidence.reason": record["gate_reason"],
        "confidence.kind": record["confidence_kind"],
        "confidence.value": None if record["llm_confidence"] is None else float(record["llm_confidence"]),
        "confidence.risk": None if record["ml_risk_score"] is None else float(record["ml_risk_score"]),
        "gen_ai.provider.name": record["provider"] or None,
        "gen_ai.response.model": record["model"] or None,
    }
    events.emit(
        event_name=EVENT_NAME,
        timestamp=int(record["timestamp"].timestamp() * 1e9),
        severity_number=SeverityNumber.INFO,
        attributes={name: value for name, value in attributes.items() if value is not None},
    )


def restart_emission() -> None:
    """Send what is waiting and stop; the next verdict looks at the environment and at the host's providers again."""
    for provider in _sinks().own:
        provider.shutdown()
    _sinks.cache_clear()


@cache
def _sinks() -> _Sinks:
    """Made at the first verdict of a process, and so after a server has forked its workers."""
    try:
        return _make_sinks()
    except Exception as error:
        logger.warning("Verdicts will not be emitted, an OTEL_* variable is not valid: %s", type(error).__name__)
        return _Sinks()


def _make_sinks() -> _Sinks:
    loggers, meters = _logs.get_logger_provider(), metrics.get_meter_provider()
    own: list[Any] = []
    if not _is_set_up(loggers) and _is_exported("LOGS"):
        own.append(loggers := import_string(f"{_EXPORTING}.logger_provider")())
    if not _is_set_up(meters) and _is_exported("METRICS"):
        own.append(meters := import_string(f"{_EXPORTING}.meter_provider")())
    return _Sinks(
        events=loggers.get_logger(SCOPE) if _is_set_up(loggers) else None,
        instruments=_instruments(meters.get_meter(SCOPE)) if _is_set_up(meters) else None,
        own=tuple(own),
    )


_EXPORTING = "ledger.exporting"
"""Named, and imported only where something is exported: the SDK is large, and most have no use for it."""


def _is_set_up(provider: Any) -> bool:
    """The API itself gives stand-ins for providers that nobody has set."""
    return not type(provider).__module__.startswith(("opentelemetry._logs", "opentelemetry.metrics"))


def _is_exported(signal: str) -> bool:
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporters = os.environ.get(f"OTEL_{signal}_EXPORTER", "").strip()
    if exporters:
        return "otlp" in [name.strip() for name in exporters.split(",")]
    return any(
        os.environ.get(name) for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    )


def _instruments(meter: Meter) -> _Instruments:
    return _Instruments(
        decisions=meter.create_counter(
            "confidence.gate.decisions", unit="{decision}", description="Verdicts of the gate, allowed and blocked"
        ),
        confidence=meter.create_histogram(
            "confidence.gate.confidence",
            unit="1",
            description="Confidence of gated decisions",
            explicit_bucket_boundaries_advisory=_PROBABILITY_BUCKETS,
        ),
        risk=meter.create_histogram(
            "confidence.gate.risk",
            unit="1",
            description="Risk score of gated decisions",
            explicit_bucket_boundaries_advisory=_PROBABILITY_BUCKETS,
        ),
        commit_duration=meter.create_histogram(
            "confidence.ledger.commit.duration",
            unit="s",
            description="Time that one commit of verdicts took",
            explicit_bucket_boundaries_advisory=_SECONDS_BUCKETS,
        ),
    )
