"""A proposal on trial beside the policy in force: its life, and whom it decides for."""
