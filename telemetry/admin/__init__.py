"""Telemetry in the admin: to be looked at by the members of a workspace, and never changed but for evaluators."""

from telemetry.admin import domains, evaluators, interactions, reception

__all__ = ["domains", "evaluators", "interactions", "reception"]
