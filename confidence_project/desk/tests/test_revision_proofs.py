"""The proofs of a revision are downloaded from its page, by whoever sees it, and check out without our software."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from django.conf import settings

from governance.tests.browser import page as page_of
from governance.tests.browser import signed_in, words
from governance.tests.factories import WorkspaceFactory, admin_of, applied, viewer_of
from ledger.tests.transparency import SIGNER, VERIFIER, run

pytestmark = pytest.mark.django_db


@pytest.fixture
def revision(settings):
    settings.CONFIDENCE_LOG_KEY = SIGNER
    return applied(WorkspaceFactory(slug="acme"))


def path_of(revision):
    return f"/admin/desk/revision/{revision.pk}/proofs.zip"


def test_page__offers_the_files__which_the_offline_verifier_takes(revision, tmp_path):
    run("checkpoint_ledger")
    client = signed_in(viewer_of(revision.workspace))
    page = client.get(page_of(revision))
    assert path_of(revision) in page.content.decode()
    assert f"prove_revision acme {revision.policy_key} {revision.version}" in words(page)
    reply = client.get(path_of(revision))
    assert reply["Content-Type"] == "application/zip"
    zipfile.ZipFile(io.BytesIO(reply.content)).extractall(tmp_path)
    verifier = Path(settings.BASE_DIR) / "docs" / "verify_bundle.py"
    command = [sys.executable, verifier, tmp_path, VERIFIER]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "approve: " in checked.stdout


def test_download__before_a_checkpoint__says_that_there_is_none(revision):
    reply = signed_in(admin_of(revision.workspace)).get(path_of(revision))
    assert reply.status_code == 404
    assert "There is no proof yet" in words(reply)


def test_download__by_somebody_of_another_workspace__is_not_found(revision):
    run("checkpoint_ledger")
    assert signed_in(viewer_of(WorkspaceFactory())).get(path_of(revision)).status_code == 404
