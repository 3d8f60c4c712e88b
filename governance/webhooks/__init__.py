"""Signed webhooks (Standard Webhooks): an outbox in the event's transaction, delivered by tasks, at least once."""
