"""Telemetry in the admin: to be looked at by the members of a workspace, and never changed."""

from telemetry.admin import domains, interactions

__all__ = ["domains", "interactions"]
