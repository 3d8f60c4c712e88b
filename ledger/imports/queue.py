"""Imports that are asked for in the browser and carried out by a worker, outside of the request."""

from __future__ import annotations

import logging

from django.db import transaction
from django_tasks import task

from confidence_project.foundation.errors import DomainError
from confidence_project.foundation.routes_in_logs import where
from governance.access.permissions import Person, Verb, require
from ledger.imports import course, spool
from ledger.imports.mapping import ImportMapping, parse_mapping
from ledger.imports.rejects import RejectsFile, RejectsTable
from ledger.imports.rows import check_constants
from ledger.imports.services import import_decisions
from ledger.imports.uploads import format_of_upload, name_of, source_of
from ledger.models import DecisionImport

log = logging.getLogger(__name__)


def request_import(*, actor: Person, kept: DecisionImport, mapping: ImportMapping, file_format: str) -> None:
    """Ask a worker to import an upload.

    Raises
    ------
    NotFound, PermissionRefused
        The actor may not import here.
    InvalidInput
        A constant cannot stand in any row.
    WrongState
        The import waits, runs or is over.
    """
    require(Verb.OPERATE, actor, kept.workspace)
    check_constants(mapping.constants, kept.workspace)
    with transaction.atomic():
        course.wait(kept, mapping, file_format)
        # The queue is in the same database: both are committed, or neither is.
        carry_out_import.enqueue(kept.pk)


def request_again(*, actor: Person, kept: DecisionImport) -> None:
    """Ask a worker to go on with an import that broke off, or that no worker took up."""
    require(Verb.OPERATE, actor, kept.workspace)
    with transaction.atomic():
        course.wait_again(kept)
        carry_out_import.enqueue(kept.pk)


@task()
def carry_out_import(import_id: int) -> None:
    """Carry out an import that waits; do nothing for one that does not any more.

    The import says how it ended. Nothing is raised: the queue keeps tracebacks, and one could hold data.
    """
    kept = course.take_up(import_id)
    if kept is None:
        return
    try:
        _carry_out(kept)
    except Exception as error:
        # One that was stopped, or goes on elsewhere, says so already.
        course.end_badly(kept, error)
        if not isinstance(error, DomainError):
            # Where, and not what: the message of an error may hold a value of the file.
            log.error("import %s failed\n%s", import_id, where(error))


def _carry_out(kept: DecisionImport) -> None:
    name, mapping = name_of(kept), parse_mapping(kept.mapping)
    # Those of an attempt that broke off; this one rejects them again.
    spool.drop(name, spool.REJECTS, spool.TABLE)
    with (
        RejectsFile(spool.path_of(name, spool.REJECTS)) as rejects,
        RejectsTable(spool.path_of(name, spool.TABLE)) as table,
    ):
        import_decisions(
            workspace=kept.workspace,
            source=source_of(kept),
            format=format_of_upload(kept.file_format, mapping),
            mapping=mapping,
            rejects=rejects,
            on_rejected=table.write,
            on_progress=lambda phase: None,
            kept=kept,
        )
