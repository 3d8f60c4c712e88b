"""The admin of calibration: what runs found, and the costs that a workspace keeps for them."""

from calibration.admin import costs, runs

__all__ = ["costs", "runs"]
