"""What pages fetch beside themselves: pictures of evidence, and how far a run is; each under its row's permission."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.timesince import timesince
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from calibration.certified import as_json, certified_thresholds
from calibration.findings.reading import read_evidence
from calibration.models import ConfidenceCalibrationRun
from confidence_project.desk.pictures import DARK, LIGHT, reliability, risk_coverage
from governance.models import ConfidencePolicyProposal, Workspace

PALETTES = {"light": LIGHT, "dark": DARK}

UNDER_WAY = (ConfidenceCalibrationRun.Status.PENDING, ConfidenceCalibrationRun.Status.RUNNING)

DRAWN_AS = "4"
"""Counts the changes of the pictures' looks, so that no browser shows an old one."""


@require_safe
def proposal_picture(request: HttpRequest, pk: int, place: int, chart: str, theme: str) -> HttpResponse:
    """Return a picture of one finding of a proposal; not found where the person may not see the proposal."""
    rows = ConfidencePolicyProposal.objects.visible_to(request.user).filter(pk=pk)
    return _answer(
        request,
        rows.values_list("evidence_sha256", flat=True).first(),
        lambda: _draw(json.loads(rows.values_list("evidence", flat=True).get()), place, chart, theme),
    )


@require_safe
def run_picture(request: HttpRequest, pk: int, policy_key: str, place: int, chart: str, theme: str) -> HttpResponse:
    """Return a picture of one finding of a run; not found where the person may not see the run."""
    rows = ConfidenceCalibrationRun.objects.visible_to(request.user).filter(pk=pk)

    def draw() -> bytes | None:
        policies = rows.values_list("output", flat=True).get().get("policies", [])
        found = next((each for each in policies if each["policy_key"] == policy_key), None)
        return _draw(found, place, chart, theme) if found else None

    return _answer(request, rows.values_list("inputs_sha256", flat=True).first(), draw)


@require_safe
@never_cache
def run_progress(request: HttpRequest, pk: int) -> JsonResponse:
    """Return how far a run is, for the script of its page; not found where the person may not see the run."""
    runs = ConfidenceCalibrationRun.objects.visible_to(request.user).filter(pk=pk)
    run = runs.only("status", "progress", "heartbeat_at").first()
    if run is None:
        raise Http404
    return JsonResponse(
        {
            "status": run.status,
            "label": run.get_status_display(),
            "progress": run.progress,
            "sign_of_life": f"{timesince(run.heartbeat_at)} ago" if run.heartbeat_at else None,
            "is_over": run.status not in UNDER_WAY,
        }
    )


@require_safe
@never_cache
def certified(request: HttpRequest, slug: str) -> JsonResponse:
    """Return `thresholds.json` of a workspace, as the API does; not found where the person may not see it."""
    workspace = Workspace.objects.visible_to(request.user).filter(slug=slug).first()
    if workspace is None:
        raise Http404
    headers = {"Content-Disposition": f'attachment; filename="thresholds-{slug}.json"'}
    return JsonResponse(as_json(certified_thresholds(workspace)), json_dumps_params={"indent": 2}, headers=headers)


def _answer(request: HttpRequest, sha256: str | None, draw: Callable[[], bytes | None]) -> HttpResponse:
    """Send the picture, or a 304: a browser asks each time, so that a permission that was lost is lost here, too."""
    if sha256 is None:
        raise Http404
    etag = f'"{DRAWN_AS}-{sha256}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        picture = draw()
        if picture is None:
            raise Http404
        response = HttpResponse(picture, content_type="image/svg+xml", headers={"ETag": etag})
    patch_cache_control(response, private=True, no_cache=True)
    return response


def _draw(raw: Mapping[str, Any], place: int, chart: str, theme: str) -> bytes | None:
    evidence = read_evidence(raw)
    subject = next((each for each in evidence.subjects if each.place == place), None) if evidence else None
    if evidence is None or subject is None or theme not in PALETTES:
        return None
    finding, palette = subject.finding, PALETTES[theme]
    if chart == "reliability" and finding.reliability:
        return reliability(finding.reliability.equal_mass, palette)
    if chart == "risk-coverage":
        return risk_coverage(
            finding.fair_curve,
            palette,
            share=finding.share_of_all,
            current=finding.at_current,
            recommended=finding.at_recommended,
            target=evidence.wanted.target_failure_rate,
        )
    return None
