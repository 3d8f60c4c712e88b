"""ASGI application, for hosts that embed the control plane in an async server."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "confidence_project.settings")

application = get_asgi_application()
