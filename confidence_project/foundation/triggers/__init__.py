"""Triggers by which the database itself keeps append-only tables, and columns that are written once, as they are.

`statements` says what they are on PostgreSQL and SQLite, `removals` when a row may go all the same, `operations` are
the migration operations that own them, and `guarding` finds those that are missing and puts them back.
"""

from confidence_project.foundation.triggers.operations import EnforceAppendOnly, WriteOnce
from confidence_project.foundation.triggers.removals import Removable
from confidence_project.foundation.triggers.statements import enforce, release

__all__ = ["EnforceAppendOnly", "Removable", "WriteOnce", "enforce", "release"]
