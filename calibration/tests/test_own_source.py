"""A host adds an evidence source of its own."""

from __future__ import annotations

import pytest
from django.db.models import BooleanField, ExpressionWrapper, F, Q

from calibration.evidence import registry
from calibration.evidence.contract import EvidenceRequest
from calibration.evidence.counting import QuerysetSource
from calibration.evidence.registry import register_source, source_for
from calibration.evidence.rows import DecisionRows
from calibration.runner import run_calibration
from calibration.tests.factories import WINDOW, decision, store
from confidence_project.foundation.errors import InvalidInput
from governance import definitions
from governance.definitions import FieldDefinition, FieldKind, PolicyDefinition
from governance.models import ConfidencePolicyProposal
from governance.tests.factories import WorkspaceFactory
from ledger.models import DecisionRecord


class ExecutedSource(QuerysetSource):
    """Ledger records of another key, successes from .7 on: stands for a table of the host's."""

    name = "host's own"
    policy_keys = frozenset({"host.own"})
    segment_keys = ("provider",)

    def rows(self, request: EvidenceRequest) -> DecisionRows:
        return DecisionRows(
            queryset=DecisionRecord.objects.filter(policy_key="elsewhere"),
            at="occurred_at",
            confidence="llm_confidence",
            success=ExpressionWrapper(Q(llm_confidence__gte=0.7), output_field=BooleanField()),
            segment={"provider": F("provider")},
        )


@pytest.fixture
def own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions.DEFINITIONS, "things", dict(definitions.DEFINITIONS.things))
    monkeypatch.setattr(registry.SOURCES, "things", dict(registry.SOURCES.things))
    field = FieldDefinition(name="threshold", kind=FieldKind.CONFIDENCE_THRESHOLD, default=0.5)
    definitions.register(PolicyDefinition(key="host.own", title="Own", description="", fields=(field,)))
    register_source(ExecutedSource())


@pytest.mark.django_db
@pytest.mark.usefixtures("own_key")
def test_own_source__counted_and_proposed_like_any_other() -> None:
    workspace = WorkspaceFactory()
    for confidence in (0.8, 0.6):
        store([decision(workspace, confidence=confidence, minute=m, policy_key="elsewhere") for m in range(100)])
    run = run_calibration(workspace=workspace, policy_keys=["host.own"], **WINDOW)
    (finding,) = run.output["policies"][0]["findings"]
    assert (run.output["policies"][0]["source"], finding["labelled"], finding["recommended"]) == (
        "host's own",
        200,
        0.8,
    )
    assert ConfidencePolicyProposal.objects.get().config["overrides"] == [
        {"match": {"provider": "acme"}, "values": {"threshold": 0.8}}
    ]


@pytest.mark.usefixtures("own_key")
def test_own_source__second_one_for_a_key__refused() -> None:
    with pytest.raises(InvalidInput, match="has an evidence source already: host's own"):
        register_source(ExecutedSource())
    assert source_for("host.own").name == "host's own"


@pytest.mark.usefixtures("own_key")
def test_own_source__segment_key_that_no_override_matches__refused() -> None:
    class Coloured(ExecutedSource):
        policy_keys = frozenset({"host.other"})
        segment_keys = ("colour",)

    with pytest.raises(InvalidInput, match="no override can match: colour"):
        register_source(Coloured())
