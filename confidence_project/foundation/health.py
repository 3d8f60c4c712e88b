"""Probes: does the process answer, and could it do its work?"""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.log import log_response
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from confidence_project.foundation.errors import Unavailable
from confidence_project.foundation.problems import handle_400, problem_of, respond
from confidence_project.foundation.triggers.guarding import missing_triggers


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers; asks nothing else."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when the database is there, migrated and guarded; otherwise a 503 problem that says which of them is not."""
    reason = _why_not_ready()
    return respond(problem_of(Unavailable(reason))) if reason else JsonResponse({"status": "ready"})


def _why_not_ready() -> str | None:
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
        missing = missing_triggers(connection)
    except DatabaseError:
        return "The database does not answer."
    if pending:
        return f"{len(pending)} migrations are not applied. Run `manage.py migrate`."
    if missing:
        return f"Missing: {len(missing)} of the triggers that guard history. Run `manage.py enforce_append_only`."
    return None


PROBES = {"/healthz": healthz, "/readyz": readyz}


class DoorMiddleware:
    """Lets probes in whatever host they name (orchestrators name the address), and all others by `ALLOWED_HOSTS`.

    Probes pass no further check: none of the host, of HTTPS, of a session or of a key.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if probe := PROBES.get(request.path_info):
            return probe(request)
        try:
            request.get_host()
        except DisallowedHost as error:
            response = handle_400(request, error)
            # Logged here, or Django would log a traceback, and the header as it was sent.
            log_response("Refused: the Host header names none of ALLOWED_HOSTS.", response=response, request=request)
            return response
        return self.get_response(request)
