"""What an evaluation says of a decision: by the rule that the workspace has declared, and by nothing else."""

from __future__ import annotations

import json
import time
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.urls import reverse
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from governance.tests.browser import signed_in, text, words
from governance.tests.factories import (
    ApiKeyFactory,
    SuperuserFactory,
    UserFactory,
    WorkspaceFactory,
    admin_of,
    viewer_of,
)
from ledger.models import DecisionOutcome
from ledger.tests.bodies import envelope
from telemetry.evaluators import declare_evaluator
from telemetry.models import Evaluator
from telemetry.tests.otlp_messages import CHAT, TRACE, Exporter, pairs, span

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "marked-secret 4711 of Ann Example"
LIST, ADD = "admin:telemetry_evaluator_changelist", "admin:telemetry_evaluator_add"

DECLARED = {
    "hallucination": {"passing_labels": ["factual"]},
    "toxicity": {"at_most": 0.5},
    "helpfulness": {"at_least": 4, "scale": (1, 5)},
    "relevance": {"passing_labels": ["relevant"]},
    "Answer Relevancy [judge]": {"passing_labels": ["very good", "good"], "failing_labels": ["poor"]},
}
CASES = [
    # The evaluation: name, label, score; then what it is when nothing is declared, and when DECLARED is.
    ("hallucination", "hallucinated", 1.0, None, False),
    ("hallucination", "factual", 0.0, None, True),
    ("hallucination", "FACTUAL", None, None, True),
    ("hallucination", None, 0.0, None, None),
    ("toxicity", "toxic", 1.0, None, False),
    ("toxicity", None, 0.5, None, True),
    ("toxicity", None, 0.51, None, False),
    ("toxicity", None, 1.5, None, None),
    ("toxicity", None, -0.1, None, None),
    ("toxicity", None, float("nan"), None, None),
    ("toxicity", "pass", None, True, None),
    ("helpfulness", None, 1, None, False),
    ("helpfulness", None, 4, None, True),
    ("helpfulness", None, 5, None, True),
    ("helpfulness", None, 0.9, None, None),
    ("relevance", "not_relevant", 0, None, False),
    ("relevance", "not relevant", 1.0, None, False),
    ("Answer Relevancy [judge]", "very good", None, None, True),
    ("Answer Relevancy [judge]", "poor", 1.0, None, False),
    ("Answer Relevancy [judge]", "unsure", 1.0, None, None),
    ("check", "not pass", 1.0, None, None),
    ("check", SECRET, 1.0, None, None),
    ("check", "pass" + " " * 300 + "not", 1.0, None, None),
    ("check", "pass", 1.0, True, True),
    ("check", "pass", 0.0, True, True),
    ("check", "FAIL", 1.0, False, False),
    ("check", None, 1.0, None, None),
    ("check", None, 0.0, None, None),
    (SECRET, None, 1.0, None, None),
    (None, "relevant", 1.0, None, None),
]


@pytest.fixture
def key():
    return ApiKeyFactory()


@pytest.fixture
def exporter(key):
    exporter = Exporter(key.plain)
    exporter.export(span(1, CHAT))
    body = envelope(interaction=f"{TRACE.hex()}:0000000000000001")
    assert exporter.client.post("/api/v1/decisions", json.dumps(body), "application/json").status_code == 201
    return exporter


def declare(workspace, name="helpfulness", **rule):
    rule = rule or DECLARED[name]
    return declare_evaluator(actor=SuperuserFactory(), workspace=workspace, name=name, reason="Stars.", **rule)


def judge(exporter, name, label, score):
    """Export an evaluation of the decided call; return what the reply says."""
    given = {
        "gen_ai.response.id": CHAT["gen_ai.response.id"],
        "gen_ai.evaluation.name": name,
        "gen_ai.evaluation.score.label": label,
        "gen_ai.evaluation.score.value": score,
    }
    said = pairs({name: value for name, value in given.items() if value is not None})
    event = Span.Event(name="gen_ai.evaluation.result", time_unix_nano=time.time_ns(), attributes=said)
    reply = exporter.export(span(9, {}, events=[event]))
    assert reply.partial_success.rejected_spans == 0
    assert "Ann Example" not in reply.partial_success.error_message
    return reply.partial_success.error_message


def outcome():
    return DecisionOutcome.objects.values_list("success", flat=True).first()


@pytest.mark.parametrize("name, label, score, undeclared, declared", CASES)
@pytest.mark.parametrize("is_declared", [False, True])
def test_evaluation__is_what_was_declared(key, exporter, name, label, score, undeclared, declared, is_declared):
    if is_declared:
        for each in DECLARED:
            declare(key.workspace, each)

    told = judge(exporter, name, label, score)

    expected = declared if is_declared else undeclared
    assert outcome() is expected
    assert (told == "") is (expected is not None)
    if expected is None and name in ("hallucination", "toxicity", "helpfulness", "relevance", "check"):
        assert name in told


def test_evaluations__of_many_evaluators__the_reply_names_some_and_counts_the_others(exporter):
    given = {"gen_ai.response.id": CHAT["gen_ai.response.id"], "gen_ai.evaluation.score.value": 1.0}
    events = [
        Span.Event(
            name="gen_ai.evaluation.result",
            time_unix_nano=time.time_ns(),
            attributes=pairs({**given, "gen_ai.evaluation.name": f"judge-{number:04}"}),
        )
        for number in range(500)
    ]

    told = exporter.export(span(9, {}, events=events)).partial_success.error_message

    assert "judge-0000: not declared" in told
    assert "480 more reasons" in told
    assert len(told) < 4_000


def test_evaluator__of_another_workspace__means_nothing(exporter):
    declare(WorkspaceFactory())

    assert "helpfulness: not declared" in judge(exporter, "helpfulness", None, 5)
    assert outcome() is None


def test_declaration__in_the_admin_by_an_admin__holds_is_replaced_and_withdrawn_and_every_row_stays(key, exporter):
    workspace, person = key.workspace, admin_of(key.workspace)
    client = signed_in(person)
    assert "No evaluator is declared" in words(client.get(reverse(LIST)))
    form = {"workspace": workspace.pk, "name": "helpfulness", "reason": "Stars."}
    assert client.post(reverse(ADD), {**form, "passing_labels": "good, very good"}).status_code == 302
    assert client.post(reverse(ADD), {**form, "at_least": "4", "lowest": "1", "highest": "5"}).status_code == 302

    now, before = Evaluator.objects.all()
    assert (before.passes_when, before.ended_by_name) == ("passes on good, very good, else fails", person.username)
    assert (now.passes_when, now.started_by_name) == ("passes at ≥ 4 of 1 to 5", person.username)
    assert "passes at ≥ 4 of 1 to 5" in words(client.get(reverse(LIST)))
    assert judge(exporter, "helpfulness", None, 5) == ""

    withdraw = reverse("admin:telemetry_evaluator_withdraw", args=[now.pk])
    assert client.post(withdraw, {"reason": "Another judge."}).status_code == 302
    assert client.post(withdraw, {"reason": "Again."}).status_code == 409
    assert "helpfulness: not declared" in judge(exporter, "helpfulness", None, 1)
    assert outcome() is True


def test_admin__viewer__sees_and_declares_nothing(key):
    evaluator, client = declare(key.workspace), signed_in(viewer_of(key.workspace))
    assert evaluator.passes_when in words(client.get(reverse(LIST)))
    assert reverse(ADD) not in text(client.get(reverse(LIST)))
    withdraw = reverse("admin:telemetry_evaluator_withdraw", args=[evaluator.pk])
    form = {"workspace": key.workspace.pk, "name": "toxicity", "at_most": "1", "reason": "Mine."}
    for address in (reverse(ADD), withdraw):
        refused = client.post(address, form)
        assert (refused.status_code, "admin membership" in text(refused)) == (403, True)
    assert Evaluator.objects.in_force().count() == 1


@pytest.mark.parametrize("outsider", [lambda: admin_of(WorkspaceFactory()), UserFactory])
def test_admin__outsider__finds_nothing_and_declares_nothing(key, outsider):
    evaluator, client = declare(key.workspace), signed_in(outsider())
    assert evaluator.passes_when not in words(client.get(reverse(LIST)))
    assert client.post(reverse("admin:telemetry_evaluator_withdraw", args=[evaluator.pk])).status_code == 404
    form = {"workspace": key.workspace.pk, "name": "toxicity", "at_most": "1", "reason": "Mine."}
    assert client.post(reverse(ADD), form).status_code in {200, 403}
    assert Evaluator.objects.in_force().count() == 1


REFUSED = {
    "State one rule": [{}, {"passing_labels": "a", "at_least": "1"}, {"at_least": "1", "at_most": "0"}],
    "0 to 1 when none is stated": [{"at_least": "4"}],
    "lies on the scale": [{"at_least": "6", "lowest": "1", "highest": "5"}],
    "two numbers, the lower one first": [
        {"at_least": "1", "lowest": "5", "highest": "1"}, {"at_most": "1", "lowest": "1", "highest": "1"},
    ],
    "two ends": [{"at_least": "1", "lowest": "1"}],
    "not both": [{"passing_labels": "yes, no", "failing_labels": "NO"}],
    "go with passing labels": [
        {"failing_labels": "no", "at_least": "1"}, {"passing_labels": "a", "lowest": "0", "highest": "1"},
    ],
    "at most 50": [{"passing_labels": ",".join(map(str, range(51)))}],
}  # fmt: skip


@pytest.mark.parametrize("why, rule", [(why, rule) for why, rules in REFUSED.items() for rule in rules])
def test_declaration__that_is_no_rule__refused_in_a_sentence(key, why, rule):
    client = signed_in(admin_of(key.workspace))
    page = client.post(reverse(ADD), {"workspace": key.workspace.pk, "name": "judge", "reason": "Mine.", **rule})
    assert (page.status_code, why in words(page)) == (200, True), words(page)
    assert not Evaluator.objects.exists()


def test_table__two_rules_in_force_or_a_bound_off_the_scale__refused_by_the_database(key):
    kept = declare(key.workspace)
    for changes in ({"pk": None}, {"pk": None, "name": "other", "bound": 9}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Evaluator(**{**{name: getattr(kept, name) for name in COLUMNS}, **changes}).save(force_insert=True)


COLUMNS = ("workspace", "name", "rule", "bound", "lowest", "highest", "reason", "started_at", "started_by_name")


def run(*arguments):
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


class TestCommands:
    def test_declared__listed_and_withdrawn(self, key, exporter):
        workspace, person = key.workspace.slug, admin_of(key.workspace)
        whose = ["--workspace", workspace, "--as", person.username, "--reason", "Stars."]

        run("declare_evaluator", "helpfulness", *whose, "--at-least", "4", "--scale", "1", "5")
        run("declare_evaluator", "grounding", *whose, "--pass-on", "yes", "--fail-on", "no", "partly")

        listed = run("list_evaluators", "--workspace", workspace)
        assert "helpfulness  passes at ≥ 4 of 1 to 5\n" in listed
        assert "grounding  passes on yes, fails on no, partly\n" in listed
        assert judge(exporter, "helpfulness", None, 2) == ""
        assert outcome() is False
        assert "Withdrawn" in run("withdraw_evaluator", "helpfulness", *whose)
        assert "1 listed." in run("list_evaluators", "--workspace", workspace)

    @pytest.mark.parametrize("command", ["declare_evaluator", "withdraw_evaluator"])
    def test_viewer__refused(self, key, command):
        declare(key.workspace, "toxicity")
        whose = ["--workspace", key.workspace.slug, "--as", viewer_of(key.workspace).username, "--reason", "Mine."]
        rule = ["--at-most", "1"] if command == "declare_evaluator" else []
        with pytest.raises(CommandError, match="admin membership"):
            run(command, "toxicity", *whose, *rule)
        assert Evaluator.objects.get().bound == 0.5

    @pytest.mark.parametrize("arguments, why", [
        (["--at-least", "4"], "0 to 1 when none is stated"),
        ([], "State one rule"),
        (["--at-least", "nan"], "two numbers"),
    ])  # fmt: skip
    def test_no_rule__refused(self, key, arguments, why):
        whose = ["--workspace", key.workspace.slug, "--as", SuperuserFactory().username, "--reason", "Mine."]
        with pytest.raises(CommandError, match=why):
            run("declare_evaluator", "judge", *whose, *arguments)

    def test_withdrawal__of_what_is_not_declared__refused(self, key):
        whose = ["--workspace", key.workspace.slug, "--as", SuperuserFactory().username, "--reason", "Mine."]
        with pytest.raises(CommandError, match="No evaluator of this name"):
            run("withdraw_evaluator", "judge", *whose)
