"""Routes of calibration below /api/v1/."""

from django.urls import path

from calibration.api import Thresholds

urlpatterns = [path("thresholds", Thresholds.as_view(), name="thresholds")]
