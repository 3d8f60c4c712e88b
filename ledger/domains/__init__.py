"""The domains that keep rows of their own: what the ledger holds of each row, and what labels it."""
