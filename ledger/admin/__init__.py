"""The ledger in the admin: to be looked at by the members of a workspace, and added to from files by its admins."""

from ledger.admin import assignments, decisions, gateway, imports, labelling, log, questions, records

__all__ = ["assignments", "decisions", "gateway", "imports", "labelling", "log", "questions", "records"]
