#!/usr/bin/env bash
# google-genai 3.6.1, beside openai 3.57.0 and typesafe-sdk 0.7.5 (the three SDKs of decision models).
#
# What happens: a server answers a decision request with 500. google-genai's `decisions.create` sends the request five
# times in all, each alike to the byte in headers and body: no count of retries, no idempotency key. openai counts in
# `x-stainless-retry-count` from the first request on, typesafe-sdk in `X-TypeSafe-Retry-Count` from the first retry on.
# Why it matters: whatever records or bills each request (a gateway, a ledger of decisions, a meter) sees five questions
# where one was asked, and nothing in them tells a retry from a host that asks the same again. Only the body and the time
# can be compared.
# Output seen on 2026-11-30: google-genai: 5 requests, 1 distinct; openai: 3 requests, counts 0 1 2; typesafe-sdk: 3 requests,
# counts - 1 2
# Source: measured.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet google-genai==3.6.1 openai==3.57.0 typesafe-sdk==0.7.5
"$work/venv/bin/python" - <<'PY'
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import openai
import typesafe_sdk as typesafe
from google import genai

seen = []


class Busy(BaseHTTPRequestHandler):
    log_message = lambda *_: None  # noqa: E731

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen.append((headers, body))
        reply = b'{"error": {"code": 500, "message": "busy", "status": "INTERNAL"}}'
        self.send_response(500)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)


server = HTTPServer(("127.0.0.1", 0), Busy)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"


def requests(ask):
    seen.clear()
    try:
        ask()
    except Exception as error:
        print(type(error).__name__, end=": ")
    return list(seen)


google = genai.Client(api_key="key", http_options={"base_url": address})
sent = requests(
    lambda: google.decisions.create(
        model="models/m", input="x", questions={"refund": {"type": "noul", "instructions": "A refund?"}}
    )
)
distinct = {(tuple(sorted(headers.items())), body) for headers, body in sent}
print(f"google-genai: {len(sent)} requests, {len(distinct)} distinct")
assert (len(sent), len(distinct)) == (5, 1)
assert not [name for headers, _ in sent for name in headers if "retry" in name or "idempotency" in name]

client = openai.OpenAI(api_key="key", base_url=f"{address}/v1")
sent = requests(
    lambda: client.decisions.create(
        model="m", input="x", questions=[{"type": "predicate", "name": "refund", "instructions": "A refund?"}]
    )
)
counts = [headers["x-stainless-retry-count"] for headers, _ in sent]
print(f"openai: {len(sent)} requests, counts {' '.join(counts)}")
assert counts == ["0", "1", "2"]

other = typesafe.TypeSafeClient(api_key="key", base_url=address)
sent = requests(
    lambda: other.system_one(model="m", state="x", questions={"refund": typesafe.Noul(instructions="A refund?")})
)
counts = [headers.get("x-typesafe-retry-count", "-") for headers, _ in sent]
print(f"typesafe-sdk: {len(sent)} requests, counts {' '.join(counts)}")
assert counts == ["-", "1", "2"]
PY
