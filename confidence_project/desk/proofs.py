"""The proofs of a revision, to be downloaded from its page: the log is the ledger's, and the page governance's."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from confidence_project.foundation.errors import DomainError
from confidence_project.foundation.problems import status_of
from governance.models import ConfidencePolicyRevision
from ledger.transparency.bundles import zipped
from ledger.transparency.selectors import prove_revision


@require_safe
def revision_proofs(request: HttpRequest, pk: int, context: dict[str, Any]) -> HttpResponse:
    """Return a ZIP archive with the proofs, for whoever sees the revision. `context` is the admin site's."""
    revisions = ConfidencePolicyRevision.objects.visible_to(request.user).select_related("workspace")
    revision = revisions.filter(pk=pk).first()
    if revision is None:
        raise Http404
    slug = revision.workspace.slug
    try:
        proven = prove_revision(workspace_slug=slug, policy_key=revision.policy_key, version=revision.version)
    except DomainError as error:
        back = reverse("admin:governance_confidencepolicyrevision_change", args=[pk])
        told = {"title": "There is no proof yet", "refusal": error.detail, "back": back, "opts": revision._meta}
        return render(request, "admin/governance/refused.html", {**context, **told}, status=status_of(type(error)))
    name = f"proofs-{slug}-{revision.policy_key}-{revision.version}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return HttpResponse(zipped(proven), content_type="application/zip", headers=headers)
