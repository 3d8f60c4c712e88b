"""What a command and a web worker load before they have been asked for anything."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.conf import settings

LATE = ("openai", "mcp", "opentelemetry.sdk", "pyarrow", "scipy.special", "scipy.stats", "scipy.optimize")
"""Heavy, and needed by few: together they cost a start more than everything else."""

STARTS = {
    "command": "import sys; from django.core.management import execute_from_command_line; "
    "execute_from_command_line(['manage.py', 'help'])",
    "worker": "import sys, confidence_project.wsgi; from django.urls import get_resolver; get_resolver().url_patterns",
}


@pytest.mark.parametrize("start", STARTS)
def test_start__of_a_command_or_a_worker__leaves_the_heavy_libraries_for_later(start):
    program = f"{STARTS[start]}; print('loaded', *sorted(sys.modules))"
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True,
        env={"DJANGO_SETTINGS_MODULE": "confidence_project.settings", "CONFIDENCE_DEV": "1"},
    )  # fmt: skip
    loaded = ended.stdout.splitlines()[-1].split()
    assert "django" in loaded
    assert not set(LATE) & set(loaded)
