"""A host's day over real HTTP: ask the gate in bulk, report outcomes, read the ledger back."""

from __future__ import annotations

import gzip
import json

import httpx
import pytest

from governance.tests.callers import NDJSON, Caller
from ledger.tests.bodies import envelope, llm_decision

pytestmark = pytest.mark.django_db(transaction=True)


def _send(http, path, items):
    lines = "\n".join(json.dumps(item) for item in items).encode()
    headers = {"Content-Type": NDJSON, "Content-Encoding": "gzip"}
    reply = http.post(path, content=gzip.compress(lines), headers=headers)
    assert reply.status_code in {200, 201}, reply.text
    return reply.json()


def test_main_flow__decide_report_and_read__agree(live_server):
    items = [envelope(decision=llm_decision(confidence=number / 100)) for number in range(80, 100)]
    with httpx.Client(base_url=f"{live_server.url}/api/v1/", headers=Caller().headers, timeout=60) as http:
        verdicts = _send(http, "decisions", items)["results"]
        assert [verdict["verdict"] for verdict in verdicts] == ["block"] * 10 + ["allow"] * 10
        reports = [
            {
                "external_id": f"review-{verdict['external_id']}",
                "decision_id": verdict["decision_id"],
                "success": verdict["verdict"] == "allow",
                "source": "human_review",
            }
            for verdict in verdicts
        ]
        assert _send(http, "outcomes", reports)["created"] == 20
        assert _send(http, "outcomes", reports)["duplicates"] == 20

        read, url = {}, "decisions?page_size=7"
        while url:
            page = http.get(url).json()
            read |= {record["decision_id"]: record["verdict"] for record in page["results"]}
            url = page["next"]
        assert read == {verdict["decision_id"]: verdict["verdict"] for verdict in verdicts}
        detail = http.get(f"decisions/{verdicts[0]['decision_id']}").json()
        assert [outcome["success"] for outcome in detail["outcomes"]] == [False]


def test_main_flow__confidence_out_of_bounds_alone_and_beside_good_ones__only_it_is_blocked(live_server):
    with httpx.Client(base_url=f"{live_server.url}/api/v1/", headers=Caller().headers, timeout=60) as http:
        reply = http.post("decisions", json=[envelope(), envelope(decision=llm_decision(confidence=1.2))])
        assert [result["reason"] for result in reply.json()["results"]] == ["allowed", "schema_invalid"]
