"""Kill switches, blocked sources, audit sampling: the writes."""
