"""Daily counts beside the ledger: a copy that a worker keeps, that reads check, and that can be counted anew."""
