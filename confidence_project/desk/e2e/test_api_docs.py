"""The browsable API description, in a real browser under the site's content security policy."""

from __future__ import annotations

import shutil
import subprocess

import pytest

CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium"),
]


def _open(url, profile):
    """Return the page as the browser ends up with it, and what it wrote to its console."""
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
    command += ["--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom", url]
    page = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return page.stdout, [line for line in page.stderr.splitlines() if ":CONSOLE" in line]


def test_api_docs__opened__lists_the_operations_and_meets_the_policy(live_server, tmp_path):
    dom, console = _open(f"{live_server.url}/api/docs", tmp_path)
    assert dom.count('class="opblock-summary-path"') > 20
    assert "/api/v1/decisions" in dom
    assert [line for line in console if "Content Security Policy" in line] == []


def test_library_template__opened__breaks_the_policy(live_server, settings, tmp_path):
    # Shows that the test above would notice.
    settings.ROOT_URLCONF = "confidence_project.tests.faulty_urls"
    _, console = _open(f"{live_server.url}/inline-docs", tmp_path)
    assert [line for line in console if "Content Security Policy" in line]
