"""The admin of calibration: what runs found, when they may loosen, costs that a workspace keeps, and engines."""

from calibration.admin import costs, engines, recommendations, reviews, runs

__all__ = ["costs", "engines", "recommendations", "reviews", "runs"]
