"""Probes: does the process answer, and could it do its work?"""

from __future__ import annotations

import time
from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.log import log_response
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from confidence_project.foundation.errors import Unavailable
from confidence_project.foundation.problems import ProblemError, handle_400, problem_of, respond
from confidence_project.foundation.registry import Registry
from confidence_project.foundation.triggers.guarding import missing_triggers
from confidence_project.foundation.writable import database_takes_writes, folder_takes_writes


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers; asks nothing else."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when the database is there, migrated and guarded, and what has to be written can be; else a 503 problem.

    The one entry of its `errors` has the reason as a code. A 200 has `warnings` where something is to be done soon.
    """
    reason = _why_not_ready() or _why_not_writing()
    if reason is None:
        warnings = [{"code": said[0], "detail": said[1]} for ask in WARNINGS.all() if (said := ask())]
        return JsonResponse({"status": "ready", **({"warnings": warnings} if warnings else {})})
    code, detail = reason
    problem = problem_of(Unavailable(detail))
    return respond(problem.model_copy(update={"errors": [ProblemError(code=code, detail=detail)]}))


Reason = tuple[str, str]
"""A code, and what it says."""


WARNINGS: Registry[Callable[[], Reason | None]] = Registry("warning of a probe")
"""Asked while a process is ready; an app with something to say registers it."""


def _why_not_ready() -> Reason | None:
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
        missing = missing_triggers(connection)
    except DatabaseError:
        return "database_unavailable", "The database does not answer."
    if pending:
        return "migrations_pending", f"{len(pending)} migrations are not applied. Run `manage.py migrate`."
    if missing:
        said = f"Missing: {len(missing)} of the triggers that guard history. Run `manage.py enforce_append_only`."
        return "triggers_missing", said
    return None


WRITING_SECONDS = 5.0
"""How long it is believed that a write was taken: writing costs more than asking, and several probes may ask."""

_written_at = -WRITING_SECONDS


def _why_not_writing() -> Reason | None:
    global _written_at
    if time.monotonic() < _written_at + WRITING_SECONDS:
        return None
    if not database_takes_writes():
        return (
            "database_takes_no_write",
            "The database takes no write: it is read-only, a standby, or its disk is full.",
        )
    if not folder_takes_writes():
        return "folder_takes_no_write", "The folder of uploads takes no write. See CONFIDENCE_IMPORT_FOLDER."
    _written_at = time.monotonic()
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
