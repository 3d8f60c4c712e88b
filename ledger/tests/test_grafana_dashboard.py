"""The Grafana dashboard asks for what there is: its names are those under which Prometheus gets our metrics."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from opentelemetry import metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from governance.policies import Reason
from governance.tests.factories import WorkspaceFactory
from ledger.emission import restart_emission
from ledger.models import DecisionRecord
from ledger.pipelines.decisions import decide
from ledger.tests.bodies import submission

pytestmark = pytest.mark.django_db(transaction=True)
DASHBOARD = Path(settings.BASE_DIR) / "docs" / "grafana" / "verdicts.json"
# What is left of an expression without its functions, keywords, durations and Grafana's own variables.
METRIC = re.compile(r"\bconfidence_(?:gate|ledger)_[a-z_]+\b")
MATCHER = re.compile(r'(confidence_[a-z_]+)=~?"([^"]*)"')
GROUPING = re.compile(r"\bby \(([^)]*)\)")


@pytest.fixture
def scraped(monkeypatch):
    """Every sample name with its labels, as Prometheus' own client writes what one verdict measured."""
    reader = PrometheusMetricReader()
    provider = MeterProvider([reader])
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: provider)
    restart_emission()
    decide(workspace=WorkspaceFactory(), submission=submission(policy_key="decision_gate", ml_risk_score=0.1))
    samples: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(generate_latest(REGISTRY).decode()):
        for sample in family.samples:
            samples.setdefault(sample.name, set()).update(sample.labels)
    restart_emission()
    provider.shutdown()
    return samples


def expressions():
    board = json.loads(DASHBOARD.read_text())
    queries = [variable["query"] for variable in board["templating"]["list"]]
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]] + [
        query for query in queries if query != "prometheus"
    ]


def test_every_name__is_one_that_is_measured(scraped):
    for expression in expressions():
        (name,) = set(METRIC.findall(expression)) - {"confidence_gate_", "confidence_ledger_"}
        assert name in scraped, expression
        labels = {label for label, _ in MATCHER.findall(expression)}
        labels |= {label for group in GROUPING.findall(expression) for label in group.split(", ")}
        labels |= set(re.findall(r"label_values\(\w+, (\w+)\)", expression))
        assert labels <= scraped[name], expression


def test_every_value__is_one_that_exists():
    known = {
        "confidence_verdict": set(DecisionRecord.Verdict.values),
        "confidence_reason": {str(reason) for reason in Reason},
    }
    asked = [each for expression in expressions() for each in MATCHER.findall(expression) if "$" not in each[1]]
    assert len(asked) >= 3
    assert [each for each in asked if each[1] not in known[each[0]]] == []


def test_every_metric__is_on_the_dashboard(scraped):
    bases = {
        re.sub(r"_(bucket|count|sum|total|created)$", "", name) for name in scraped if name.startswith("confidence")
    }
    shown = " ".join(expressions())
    assert [base for base in bases if base not in shown] == []


def test_panels__have_places_and_ids_of_their_own():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == 23
