"""Kill switches, blocked sources, audit sampling, retention and legal holds: the writes."""
