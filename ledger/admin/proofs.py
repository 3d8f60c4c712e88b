"""The proofs of a decision, to be downloaded from its page."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path

from confidence_project.foundation.errors import DomainError
from ledger.admin.base import attachment
from ledger.transparency.bundles import zipped
from ledger.transparency.selectors import prove_decision


class ProofsOfDecision:
    """Mixin for the admin of decisions: a ZIP archive with the proofs, for whoever sees the decision."""

    def get_urls(self: Any) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.proofs_view)
        own = path("<path:object_id>/proofs/", view, name="ledger_decisionrecord_proofs")
        return [own, *super().get_urls()]  # type: ignore[misc]

    def proofs_view(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        decision = self.get_object(request, object_id)
        if decision is None or not self.has_view_permission(request, decision):
            raise Http404("There is no such decision.")
        decision_id: UUID = decision.pk
        try:
            archive = zipped(prove_decision(decision_id))
        except DomainError as error:
            title, back = "There is no proof yet", self._back(decision)
            refused: HttpResponse = self._refused(request, title, error.detail, HTTPStatus.CONFLICT, back)
            return refused
        return attachment(archive, f"proofs-{decision_id}.zip", "application/zip")
