"""When a threshold may be loosened: the calendar of reviews, and what a run may do by it."""
