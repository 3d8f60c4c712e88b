"""The months of the ledger (PostgreSQL): a partition for each, made ahead, and dropped once all of it is archived."""
