"""Helpers of the transparency tests: a log with a key, commands with their output, and a database behind our back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.db import connection

from confidence_project.foundation.append_only import append_only_models
from confidence_project.foundation.triggers import enforce, release
from confidence_project.foundation.triggers.guarding import leading_models, write_once_models
from confidence_project.foundation.triggers.leading import enforce_leading, release_leading
from confidence_project.foundation.triggers.statements import drop, write_once, write_once_guard

SIGNER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def run(*arguments: Any, **options: Any) -> str:
    """Run a command and return what it wrote to standard output."""
    output = StringIO()
    call_command(*arguments, stdout=output, stderr=StringIO(), **options)
    return output.getvalue()


@contextmanager
def behind_the_triggers() -> Iterator[Any]:
    """A cursor for somebody who took the triggers off; they are back afterwards."""
    if connection.vendor == "postgresql":
        # Within a test's transaction, deferred foreign keys would be in the way of ALTER TABLE.
        connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
    tables = [model._meta.db_table for model in append_only_models()]
    release(connection, tables)
    for model in write_once_models():
        drop(connection, write_once_guard(model._meta.db_table, connection.vendor).name, model._meta.db_table)
    release_leading(connection, leading_models())
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        enforce_leading(connection, leading_models())
        enforce(connection, append_only_models())
        for model in write_once_models():
            write_once(connection, model, model.written_once)
