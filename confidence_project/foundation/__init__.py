"""Leaf modules that know no app: errors, request and reply, tables that only grow."""
