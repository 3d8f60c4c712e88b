"""Imports in the admin: their list, the upload, the mapping, and what became of each."""

from ledger.admin.imports import pages, saved_mappings

__all__ = ["pages", "saved_mappings"]
