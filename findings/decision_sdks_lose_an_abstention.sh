#!/usr/bin/env bash
# openai 3.57.0 (Decisions API), typesafe-sdk 0.7.5 (System One).
#
# What happens: both are told, in the shape of their own protocol, that one question of two got an answer of a type
# newer than the SDK ("abstention"). openai builds the class of a predicate from it: isinstance says predicate, the
# probability is None although its type is float, and nothing is logged. typesafe-sdk deletes the answer and logs a
# warning: a question that was not answered and a question that was never asked look alike.
# Why it matters: a host dispatches on the class and counts an abstention as a yes/no answer, or gates on all() over
# the answers that are there and acts because the one that abstained is gone. System One names no type for a refusal,
# so any that a server sends is of an unknown type. Dispatch on `type`, and check every id that you asked.
# Output seen on 2026-11-30: openai: class AnswerAnswerResourcePredicate, probability None; typesafe-sdk: ['safe']
# Source: measured.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet openai==3.57.0 typesafe-sdk==0.7.5
"$work/venv/bin/python" - <<'PY'
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import openai
import typesafe_sdk as typesafe
from openai.types.decision import AnswerAnswerResourcePredicate as Predicate

openai_answers = [{"type": "predicate", "name": "safe", "probability": 0.97}, {"type": "abstention", "name": "legal"}]
system_one_answers = {"safe": {"type": "noul", "noul": 0.97}, "legal": {"type": "abstention"}}


class Server(BaseHTTPRequestHandler):
    log_message = lambda *_: None  # noqa: E731

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        answers = openai_answers if "decisions" in self.path else system_one_answers
        body = json.dumps({"id": "1", "model": "m-1", "answers": answers, "usage": {}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"
questions = [{"type": "predicate", "name": name, "instructions": name} for name in ("safe", "legal")]
client = openai.OpenAI(api_key="-", base_url=f"{address}/v1")
abstained = client.decisions.create(model="m", input="-", questions=questions).answers[1]
reply = typesafe.TypeSafeClient(api_key="-", base_url=address).system_one(
    model="m", state="-", questions={name: typesafe.Noul(instructions=name) for name in ("safe", "legal")}
)
print(f"openai: {abstained.type} is {type(abstained).__name__}, probability {abstained.probability}")
print(f"typesafe-sdk: {list(reply.answers)}, all above 0.9: {all(a.noul > 0.9 for a in reply.answers.values())}")
assert isinstance(abstained, Predicate) and abstained.probability is None
assert list(reply.answers) == ["safe"] and reply.answers["safe"].noul == 0.97
PY
