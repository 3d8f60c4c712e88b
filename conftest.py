"""Fixtures that every test shares. The database is SQLite unless DATABASE_URL says otherwise.

Without make, set CONFIDENCE_DEV=1 as it does: `CONFIDENCE_DEV=1 pytest governance`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Let SQLite tests run on a file, as the system does: in memory there is no WAL and no waiting for a lock."""
    from django.db import connection

    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(autouse=True, scope="session")
def _flushing_lifts_the_append_only_triggers() -> Iterator[None]:
    """Tests that really commit are cleaned up by TRUNCATE, which the triggers refuse: lift them for that moment."""
    from django.db import connection
    from django.test import TransactionTestCase

    from confidence_project.append_only import append_only_models, enforce, release

    original = TransactionTestCase._fixture_teardown

    def teardown(self: TransactionTestCase) -> None:
        release(connection, [model._meta.db_table for model in append_only_models()])
        original(self)
        enforce(connection, append_only_models())

    TransactionTestCase._fixture_teardown = teardown  # type: ignore[method-assign]
    yield
    TransactionTestCase._fixture_teardown = original  # type: ignore[method-assign]
