"""Packs by a button: asked for by whoever operates the workspace, made by a worker, downloaded, removed in time."""

from __future__ import annotations

import hashlib
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from confidence_project.evidence_pack.models import EvidencePack
from confidence_project.evidence_pack.services import path_of, request_pack
from confidence_project.evidence_pack.tests.scene import SEED, check, period
from confidence_project.foundation.errors import NotFound, PermissionRefused
from governance.models import Workspace
from governance.tests.browser import signed_in, words
from governance.tests.factories import KEY, SuperuserFactory, WorkspaceFactory, admin_of, viewer_of
from governance.tests.workers import work_off
from ledger.tests.factories import DecisionRecordFactory
from ledger.tests.transparency import SIGNER, run

pytestmark = pytest.mark.django_db(transaction=True)

ADD = "admin:evidence_pack_evidencepack_add"


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory(slug="acme")


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.CONFIDENCE_LOG_KEY, settings.CONFIDENCE_PACK_FOLDER = SIGNER, tmp_path / "packs"
    return tmp_path / "packs"


def form(workspace: Workspace, **changes: str) -> dict[str, Any]:
    times = {name: f"{at:%Y-%m-%d %H:%M}" for name, at in period().items()}
    return {"workspace": workspace.pk, "policy_key": KEY, **times, "seed": SEED, "decisions": 5, **changes}


def page(name: str, pack: EvidencePack) -> str:
    return reverse(f"admin:evidence_pack_evidencepack_{name}", args=[pack.pk])


def question(workspace: Workspace) -> dict[str, Any]:
    return {"workspace": workspace, "policy_key": KEY, **period(), "seed": SEED, "decisions": 5}


def test_pack__by_the_form_and_a_worker__is_downloaded_and_proved(workspace: Workspace, tmp_path: Path) -> None:
    DecisionRecordFactory.create_batch(8, workspace=workspace, policy_key=KEY, policy_version=None)
    run("checkpoint_ledger")
    admin = signed_in(admin_of(workspace))
    reply = admin.post(reverse(ADD), form(workspace))
    pack = EvidencePack.objects.get()
    assert reply["Location"] == page("change", pack)
    assert "Waits for a worker to take it up." in words(admin.get(page("change", pack)))
    assert admin.get(page("progress", pack)).json()["is_over"] is False
    assert admin.get(page("download", pack)).status_code == 404
    work_off()
    pack.refresh_from_db()
    assert (pack.status, pack.error, pack.is_signed, pack.unproved) == ("COMPLETE", "", True, 0)
    assert admin.get(page("progress", pack)).json()["is_over"] is True
    assert page("download", pack) in admin.get(page("change", pack)).text
    archive = admin.get(page("download", pack))
    assert archive["Content-Disposition"].startswith(f'attachment; filename="evidence-acme-{KEY}-')
    assert "no-store" in archive["Cache-Control"]
    content = b"".join(archive.streaming_content)
    assert hashlib.sha256(content).hexdigest() == pack.file_sha256
    (tmp_path / "pack.zip").write_bytes(content)
    assert check(tmp_path / "pack.zip").returncode == 0
    audit = admin.get(reverse("admin:audit"), {"workspace": workspace.slug, "kind": "Evidence packs"})
    assert "Evidence pack asked for" in words(audit)


def test_pack__whoever_may_not_operate__neither_asks_nor_sees(workspace: Workspace) -> None:
    pack = request_pack(actor=SuperuserFactory(), **question(workspace))
    work_off()
    viewer, stranger = viewer_of(workspace), admin_of(WorkspaceFactory())
    with pytest.raises(PermissionRefused):
        request_pack(actor=viewer, **question(workspace))
    with pytest.raises(NotFound):
        request_pack(actor=stranger, **question(workspace))
    for person in (viewer, stranger):
        client = signed_in(person)
        for name in ("change", "progress", "download"):
            assert client.get(page(name, pack)).status_code in (302, 403, 404), name
    assert signed_in(viewer).post(reverse(ADD), form(workspace)).status_code == 403
    refused = signed_in(stranger).post(reverse(ADD), form(workspace))
    assert "Select a valid choice" in words(refused)
    assert EvidencePack.objects.count() == 1
    with closing(signed_in(SuperuserFactory()).get(page("download", pack))) as archive:
        assert archive.status_code == 200


def test_form__period_that_ends_before_it_begins__is_told_so(workspace: Workspace) -> None:
    told = signed_in(admin_of(workspace)).post(reverse(ADD), form(workspace, until="2020-01-01"))
    assert "The period ends before it begins" in words(told)
    assert not EvidencePack.objects.exists()


def test_pack__folder_that_cannot_be_written__says_why(workspace: Workspace, folder: Path) -> None:
    folder.write_text("a file")
    pack = request_pack(actor=admin_of(workspace), **question(workspace))
    work_off()
    pack.refresh_from_db()
    assert pack.status == "FAILED"
    assert pack.error.startswith("The archive cannot be written: ")


def test_prune__old_archives__go_and_their_page_says_so(workspace: Workspace, settings: Any) -> None:
    admin = admin_of(workspace)
    pack = request_pack(actor=admin, **question(workspace))
    work_off()
    assert run("prune_packs").strip() == "Removed 0 evidence packs."
    os.utime(path_of(pack), (0, 0))
    assert run("prune_packs").strip() == "Removed 1 evidence packs."
    client = signed_in(admin)
    assert client.get(page("download", pack)).status_code == 404
    assert "The archive was removed from here." in words(client.get(page("change", pack)))
