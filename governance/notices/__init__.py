"""Notices to single people by e-mail: who is told what, the outbox, its delivery, and how people want it."""
