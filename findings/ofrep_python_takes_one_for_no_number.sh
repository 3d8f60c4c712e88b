#!/usr/bin/env bash
# openfeature-provider-ofrep 0.3.0 with openfeature-sdk 0.10.0.
#
# What happens: JSON has one kind of number, and JavaScript and Go write 1.0 as 1. The Python client takes 1 for no
# float (TYPE_MISMATCH) and hands out the default of the calling code. It does so for every whole number, and only for
# those: 0.95 arrives, 1 does not.
# Why it matters: a confidence threshold is whole exactly when somebody stops everything (1: nothing is sure enough).
# The switch is thrown, the server says 1, and the host goes on at its own default of 0.6: it fails open. Spelled 1.0
# it arrives, so the server has to mind its spelling.
# Output seen on 2026-11-30: 0.95 -> 0.95; 1 -> 0.6 (TYPE_MISMATCH); 1.0 -> 1.0
# Source: measured; a mention: https://github.com/open-feature/python-sdk/issues/516 (closed);
# https://github.com/open-feature/spec/issues/430 (what to do is not specified).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet openfeature-provider-ofrep==0.3.0 openfeature-sdk==0.10.0
"$work/venv/bin/python" - <<'PY'
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider

spelling = "0.95"


class Server(BaseHTTPRequestHandler):
    log_message = lambda *_: None  # noqa: E731

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = f'{{"key": "threshold", "reason": "STATIC", "variant": "v1", "value": {spelling}}}'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
api.set_provider(OFREPProvider(base_url=f"http://127.0.0.1:{server.server_port}"))
seen = []
for spelling in ("0.95", "1", "1.0"):
    details = api.get_client().get_float_details("threshold", 0.6)
    seen.append((details.value, details.error_code and details.error_code.value))
    print(f"{spelling} -> {seen[-1]}")
assert seen == [(0.95, None), (0.6, "TYPE_MISMATCH"), (1.0, None)]
PY
