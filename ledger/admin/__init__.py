"""The ledger in the admin: to be looked at by the members of a workspace, and never changed."""

from ledger.admin import decisions, log, records

__all__ = ["decisions", "log", "records"]
