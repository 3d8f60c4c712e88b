"""Evaluation requests as a client without a library sends them."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from governance.models import Workspace
from governance.tests.factories import ApiKeyFactory

FLAGS = "/ofrep/v1/evaluate/flags"


class Evaluator:
    """A machine with a key that may read one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.key = ApiKeyFactory(workspace=workspace, scopes=["read"]).plain

    def post(self, path: str, body: object, **headers: str) -> Any:
        """Send `body` (bytes as they are, anything else as JSON); `If_None_Match="…"` gives a header."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return Client().generic("POST", path, content, headers=sent)

    def flag(self, key: str, **context: object) -> dict[str, Any]:
        response = self.post(f"{FLAGS}/{key}", {"context": context})
        assert response.status_code == 200, response.content
        return response.json()

    def flags(self, context: object = (), **headers: str) -> Any:
        return self.post(FLAGS, {"context": dict(context)}, **headers)  # type: ignore[call-overload]
