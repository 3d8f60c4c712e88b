"""Work that another process does on the test database."""

from __future__ import annotations

import os
import subprocess
import sys

from django.conf import settings

from governance.tests.workers import database_url


def in_another_process(code: str) -> None:
    """Run Python `code` with Django set up and `Workspace` imported; what it writes is committed when this returns."""
    setup = "import django; django.setup()\nfrom governance.models import Workspace\n"
    variables = {**os.environ, "CONFIDENCE_DEV": "1", "DATABASE_URL": database_url()}
    variables["DJANGO_SETTINGS_MODULE"] = "confidence_project.settings"
    subprocess.run([sys.executable, "-c", setup + code], env=variables, cwd=settings.BASE_DIR, check=True, timeout=120)
