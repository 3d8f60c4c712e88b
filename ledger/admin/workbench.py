"""The workbench: one decision at a time, answered by keys or buttons, and the last answer to be taken back."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from confidence_project.foundation.errors import DomainError
from governance.access.permissions import Verb, who_may, workspaces_where
from governance.admin_kit.scope import PARAMETER, workspace_in_scope
from governance.definitions import title_of
from governance.models import Workspace
from governance.workspaces.cases import case_link
from ledger.labelling.answering import answer_task, can_undo, undo_answer
from ledger.labelling.progress import progress_of
from ledger.labelling.queue import next_task
from ledger.models import Judgement
from ledger.selectors import MOST_COUNTED, count_waiting_for_review

_Answer = Judgement.Answer

BUTTONS = [
    (_Answer.RIGHT, "Right", "y", "The action was right, or would have been"),
    (_Answer.WRONG, "Wrong", "n", "It was wrong, or would have been"),
    (_Answer.CANNOT_TELL, "Cannot tell", "c", "Nobody could say from what is there"),
    (_Answer.SKIPPED, "Skip", "s", "Leave it to somebody else"),
]
"""Answer, label, key, and what it says."""


class Workbench:
    """Mixin for the admin of judgements: the page on which they are made."""

    def get_urls(self: Any) -> list[URLPattern]:
        view = self.admin_site.admin_view(never_cache(self.workbench_view))
        return [path("workbench/", view, name="ledger_judgement_workbench"), *super().get_urls()]  # type: ignore[misc]

    def workbench_view(self: Any, request: HttpRequest) -> HttpResponse:
        """Show what lies before the person; on POST take their answer, or their last one back, and go on."""
        workspace = workspace_to_label_in(request)
        if workspace is not None and request.method == "POST":
            _act(request, workspace)
            here = reverse("admin:ledger_judgement_workbench")
            return HttpResponseRedirect(f"{here}?{urlencode({'workspace': workspace.slug})}")
        context = {**self.admin_site.each_context(request), "title": "Workbench", "opts": self.opts}
        if workspace is None:
            refusal = {"refusal": who_may(Verb.LABEL), "back": reverse("admin:index")}
            return TemplateResponse(request, "admin/governance/refused.html", {**context, **refusal}, status=403)
        own = {"workspace": workspace, **_before(request, workspace)}
        return TemplateResponse(request, "admin/ledger/workbench.html", {**context, **own})


def workspace_to_label_in(request: HttpRequest) -> Workspace | None:
    """The workspace in scope, if the person may label there; with none in scope, the first in which something waits."""
    workspaces = list(workspaces_where(Verb.LABEL, request.user).order_by("slug"))
    scope = workspace_in_scope(request)
    if scope is not None or request.GET.get(PARAMETER):
        return scope if scope in workspaces else None
    waiting = count_waiting_for_review(workspaces) if len(workspaces) > 1 else {}
    return next((each for each in workspaces if waiting.get(each.pk)), workspaces[0] if workspaces else None)


def _act(request: HttpRequest, workspace: Workspace) -> None:
    person, claim = request.user, request.POST.get("claim", "")
    try:
        if "undo" in request.POST:
            undo_answer(person=person, workspace=workspace)
        else:
            claim_id = int(claim) if claim.isdecimal() and claim.isascii() and len(claim) < 19 else 0
            answer = request.POST.get("answer", "")
            answer_task(person=person, workspace=workspace, claim_id=claim_id, answer=answer)
    except DomainError as error:
        messages.error(request, error.detail)


def _before(request: HttpRequest, workspace: Workspace) -> dict[str, Any]:
    """What lies before the person, how far they are, and their last answer."""
    last = can_undo(person=request.user, workspace=workspace)
    task = next_task(person=request.user, workspace=workspace)
    progress = progress_of(request.user, workspace)
    return {
        "task": task,
        "last": last,
        "progress": progress,
        "is_more": progress.waiting > MOST_COUNTED,
        "buttons": BUTTONS,
        "policy": title_of(task.decision.policy_key) if task else "",
        "case": case_link(workspace, task.decision.external_id) if task else None,
        "is_overdue": bool(task and task.due_at < timezone.now()),
    }
