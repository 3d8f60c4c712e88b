"""Fixtures that every test shares. The database is SQLite unless DATABASE_URL says otherwise.

Without make, set CONFIDENCE_DEV=1 as it does: `CONFIDENCE_DEV=1 pytest governance`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import pytest_django

_USING_THE_DATABASE = {"db", "transactional_db", "module_db", "live_server"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use the database: on a second one, the others would only say the same again."""
    from django.test import TransactionTestCase

    for item in items:
        cls, fixtures = getattr(item, "cls", None), getattr(item, "fixturenames", ())
        is_case = cls is not None and issubclass(cls, TransactionTestCase)
        if is_case or item.get_closest_marker("django_db") or _USING_THE_DATABASE.intersection(fixtures):
            item.add_marker("database")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Let SQLite tests run on a file, as the system does: in memory there is no WAL and no waiting for a lock.

    Only its data need not survive a power cut, so nothing waits for the disk.
    """
    from django.db import connection

    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")
        connection.settings_dict["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"


@pytest.fixture(scope="module")
def module_db(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[None]:
    """For a fixture of a module: what it writes is there for every test of the module, and gone after the last.

    Each test is rolled back to it. Not for tests that really commit.
    """
    from django.db import transaction

    with django_db_blocker.unblock():
        around = transaction.atomic()
        around._from_testcase = True  # type: ignore[attr-defined]  # so that durable blocks are let in, as in a test
        with around:
            yield
            transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def _nothing_is_kept_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with a process that has read nothing: numbers of rows that were rolled back are given out again."""
    from confidence_project.foundation.kept import Kept
    from governance import definitions
    from governance.policies import governing

    monkeypatch.setattr(governing, "_KEPT", Kept(governing.MOST))
    monkeypatch.setattr(definitions.DEFINITIONS, "things", dict(definitions.DEFINITIONS.things))


@pytest.fixture(autouse=True, scope="session")
def _passwords_are_hashed_cheaply() -> Iterator[None]:
    """A million rounds for every account cost minutes; what the settings name stays there to check what it made."""
    from django.conf import settings
    from django.test import override_settings

    quick = "django.contrib.auth.hashers.MD5PasswordHasher"
    with override_settings(PASSWORD_HASHERS=[quick, *settings.PASSWORD_HASHERS]):
        yield


@pytest.fixture(autouse=True, scope="session")
def _what_was_committed_is_deleted() -> Iterator[None]:
    """Clean up after tests that really commit: empty the tables that hold rows, the append-only ones unguarded.

    Django would empty every table, by TRUNCATE on PostgreSQL, and then write content types and permissions anew;
    these are the same for all tests and stay.
    """
    from django.apps import apps
    from django.db import connection, transaction
    from django.test import TransactionTestCase

    from confidence_project.foundation.append_only import append_only_models
    from confidence_project.foundation.triggers import enforce, release
    from confidence_project.foundation.triggers.guarding import leading_models
    from confidence_project.foundation.triggers.leading import leads_to_of

    def teardown(self: TransactionTestCase) -> None:
        guarded = {model._meta.db_table: model for model in append_only_models()}
        models = [model for model in apps.get_models(include_auto_created=True) if model._meta.managed]
        tables = {model._meta.db_table for model in models} - {"django_content_type", "auth_permission"}
        led_to = {leads_to_of(model).table for model in leading_models()}
        # What rows of others have to lead to goes last.
        in_order = sorted(tables, key=lambda table: (table in led_to, table))
        quoted = {table: connection.ops.quote_name(table) for table in in_order}
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                " UNION ALL ".join(f"SELECT '{t}' WHERE EXISTS (SELECT 1 FROM {q})" for t, q in quoted.items())
            )
            filled = [table for (table,) in cursor.fetchall()]
            lifted = [guarded[table] for table in filled if table in guarded]
            release(connection, [model._meta.db_table for model in lifted])
            for table in filled:
                cursor.execute(f"DELETE FROM {quoted[table]}")
            if connection.vendor == "postgresql":
                # No trigger is made on a table whose foreign keys wait to be checked.
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            enforce(connection, lifted)

    original = TransactionTestCase._fixture_teardown
    TransactionTestCase._fixture_teardown = teardown  # type: ignore[method-assign]
    yield
    TransactionTestCase._fixture_teardown = original  # type: ignore[method-assign]
