"""Routes of telemetry below /api/v1/."""

from telemetry.api import KINDS

urlpatterns = [route for kind in KINDS for route in kind.routes()]
