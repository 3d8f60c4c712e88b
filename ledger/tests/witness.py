"""A witness as c2sp.org/tlog-witness has it, written from the specification: none installs from a package registry.

It shares nothing with the code under test. Consistency is checked by `scitt-cose`.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from scitt_cose import verify_consistency


class Witness(HTTPServer):
    """Knows one log by its verifier key, remembers the newest checkpoint that it cosigned, and never cosigns a fork."""

    def __init__(self, name: str, log_key: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name, self.private_key = name, Ed25519PrivateKey.generate()
        self.origin, _, encoded = log_key.split("+", 2)
        self.log_public_key = base64.b64decode(encoded)[1:]
        self.size, self.root = 0, hashlib.sha256(b"").digest()
        self.requests: list[int] = []

    @property
    def public_key(self) -> bytes:
        return self.private_key.public_key().public_bytes_raw()

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n\x04" + self.public_key).digest()[:4]

    @property
    def verifier_key(self) -> str:
        encoded = base64.b64encode(b"\x04" + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    @property
    def configured(self) -> str:
        return f"{self.verifier_key} http://127.0.0.1:{self.server_port}/witness"

    def add_checkpoint(self, body: str) -> tuple[int, str, str]:
        """Answer a request: status, content type, text."""
        head, note = body.split("\n\n", 1)
        old_line, *proof = head.split("\n")
        old_size = int(old_line.removeprefix("old "))
        text, signatures = note.rsplit("\n\n", 1)
        text += "\n"
        origin, size_line, root_line = text.split("\n")[:3]
        size, root = int(size_line), base64.b64decode(root_line)
        if origin != self.origin:
            return 404, "text/plain", ""
        if not any(self._is_by_the_log(text, line) for line in signatures.splitlines()):
            return 403, "text/plain", ""
        if old_size > size:
            return 400, "text/plain", ""
        if old_size != self.size or (size == self.size and root != self.root):
            return 409, "text/x.tlog.size", f"{self.size}\n"
        path = [base64.b64decode(line).hex() for line in proof]
        if not verify_consistency(self.root.hex(), root.hex(), old_size, size, path):
            return 422, "text/plain", ""
        self.size, self.root = size, root
        now = int(time.time())
        signature = self.private_key.sign(f"cosignature/v1\ntime {now}\n{text}".encode())
        blob = base64.b64encode(self.key_id + now.to_bytes(8) + signature).decode()
        return 200, "text/plain", f"\u2014 {self.name} {blob}\n"

    def _is_by_the_log(self, text: str, line: str) -> bool:
        _, name, encoded = line.split(" ")
        try:
            Ed25519PublicKey.from_public_bytes(self.log_public_key).verify(base64.b64decode(encoded)[4:], text.encode())
        except InvalidSignature:
            return False
        return name == self.origin


class _Handler(BaseHTTPRequestHandler):
    server: Witness

    def do_POST(self) -> None:
        assert self.path == "/witness/add-checkpoint"
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        status, content_type, text = self.server.add_checkpoint(body)
        self.server.requests.append(status)
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def witness(name: str, log_key: str) -> Iterator[Witness]:
    """A witness that answers until the end of the block."""
    server = Witness(name, log_key)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
