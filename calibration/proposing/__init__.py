"""From findings to proposals, and what a proposal would have done to recorded decisions."""
