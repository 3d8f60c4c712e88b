"""Workspaces, the people in them and the keys of their machines: the writes."""
