"""`make demo`: the whole loop on real decisions, through the entry points that a user has."""
