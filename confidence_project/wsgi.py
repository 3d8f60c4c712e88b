"""WSGI application: what gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "confidence_project.settings")

_of_django = get_wsgi_application()

from governance.access.lanes import FastLanes  # noqa: E402 - models can be imported only now

application = FastLanes(_of_django)
