"""Requests that go the whole way that a server's take: through the WSGI application, the fast lanes in front of it."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from django.test import RequestFactory

from confidence_project.wsgi import application


class ServedClient(RequestFactory):
    """Asks as Django's test client does, which enters behind the lanes. For tests that really commit."""

    def request(self, **request: Any) -> Any:
        started: list[Any] = []
        content = b"".join(application(super().request(**request).environ, lambda *reply: started.extend(reply)))
        status, headers = started
        response = HttpResponse(content, status=int(status.partition(" ")[0]), headers=dict(headers))
        response.json = lambda: json.loads(content)
        return response
