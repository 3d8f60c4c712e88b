"""Pipelines: contract → gate → ledger."""
