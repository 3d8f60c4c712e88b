"""A proposal in rollout beside the policy in force: its life, and whom it decides for."""
