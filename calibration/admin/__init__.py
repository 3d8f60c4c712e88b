"""The admin of calibration: what runs found, when they may loosen, and the costs that a workspace keeps."""

from calibration.admin import costs, reviews, runs

__all__ = ["costs", "reviews", "runs"]
