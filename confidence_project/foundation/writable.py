"""Whether what has to be written can be: the database, and the folder of uploads."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

SQLITE_LOCK_MS = 100


def database_takes_writes() -> bool:
    """Write what changes nothing, and see whether the database takes it.

    SQLite writes and commits a page; PostgreSQL, which is asked whether it is a standby or read-only, takes a
    transaction id, which it commits to its own log.
    """
    try:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                return _sqlite_takes_writes(cursor)
            cursor.execute("SELECT current_setting('transaction_read_only')")
            if cursor.fetchone() != ("off",):
                return False
            cursor.execute("SELECT pg_current_xact_id()")
    except DatabaseError:
        return False
    return True


def _sqlite_takes_writes(cursor: Any) -> bool:
    cursor.execute("PRAGMA busy_timeout")
    (patience,) = cursor.fetchone()
    try:
        cursor.execute(f"PRAGMA busy_timeout = {SQLITE_LOCK_MS}")
        cursor.execute("PRAGMA user_version")
        # Nothing else here uses the number, and writing the same one writes its page.
        cursor.execute(f"PRAGMA user_version = {int(cursor.fetchone()[0])}")
    except DatabaseError as error:
        # Somebody else is writing, which is an answer as well.
        return getattr(error.__cause__, "sqlite_errorcode", None) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    finally:
        cursor.execute(f"PRAGMA busy_timeout = {int(patience)}")
    return True


def folder_takes_writes() -> bool:
    """Write a block into the folder of uploads, to the disk, and see whether it takes it."""
    folder = settings.CONFIDENCE_IMPORT_FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return False
    return True
