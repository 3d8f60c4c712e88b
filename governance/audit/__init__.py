"""Everything that anybody did in a workspace, in one order: a line from each history, whoever keeps it."""
