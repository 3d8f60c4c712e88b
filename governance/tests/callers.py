"""Machines and people that call the API in tests: a key or a token, and a client that sends it."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from governance.access import tokens
from governance.models import ApiKey
from governance.tests.factories import ApiKeyFactory, WorkspaceFactory

ALL_SCOPES = list(ApiKey.Scope.values)
NDJSON = "application/x-ndjson"


class Caller:
    """An API key of `workspace` with `scopes`; every request goes through Django's whole stack."""

    def __init__(self, workspace: Any = None, scopes: list[str] | None = None, **key: Any) -> None:
        self.workspace = workspace or WorkspaceFactory()
        self.key = ApiKeyFactory(workspace=self.workspace, scopes=ALL_SCOPES if scopes is None else scopes, **key)
        self.headers = {"Authorization": f"Bearer {self.key.plain}"}
        self.client = Client(headers=self.headers)

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/v1/{path}" if not path.startswith(("/", "http")) else path, query)

    def post(self, path: str, body: Any, content_type: str = "application/json", **headers: str) -> Any:
        """Send `body`; what is not bytes yet goes as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(f"/api/v1/{path}", data, content_type=content_type, headers=names)

    def post_lines(self, path: str, items: list[Any]) -> Any:
        """Send NDJSON: a line for each item; bytes are a line as they are."""
        lines = [item if isinstance(item, bytes) else json.dumps(item).encode() for item in items]
        return self.post(path, b"\n".join(lines), NDJSON)


class Person:
    """Somebody who calls the API with a token of their own."""

    def __init__(self, user, workspace):
        self.user = user
        self.root = f"/api/v1/governance/workspaces/{workspace.slug}"
        _, plain = tokens.issue_token(actor=user)
        self.client = Client(headers={"Authorization": f"Token {plain}"})

    def get(self, path, **query):
        return self.client.get(f"{self.root}/{path}", query)

    def post(self, path, body=None, content_type="application/json"):
        data = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        return self.client.post(f"{self.root}/{path}", data, content_type=content_type)
