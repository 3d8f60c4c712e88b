"""Removing rows of the ledger on purpose: into archives after the retention period, or for good."""
