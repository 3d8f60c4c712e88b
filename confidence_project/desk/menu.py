"""The menu: by what a person comes to do, and not by the app that a table happens to live in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Model
from django.urls import reverse

from governance.models.controls import Control
from telemetry.models import HostRecord

SECTIONS = {
    "Decide": {
        "workbench": "Workbench",
        "labelfiles": "Label files",
        "reviewers": "Reviewers",
        "labelplan": "Plan labels",
        "confidencepolicyproposal": "Proposals",
        "confidencepolicy": "Policies",
        "definitions": "Definitions",
        "policykey": "Policy keys",
        "confidencecalibrationrun": "Calibration runs",
        "reviewcalendar": "Review calendars",
        "candidate": "Candidates",
        "policyalarm": "Alarms",
        "answersalarm": "Changed answers",
        "breakglassreview": "Break-glass reviews",
    },
    "Operate": {
        "killswitch": "Kill switches",
        "blockedsource": "Blocked sources",
        "auditsampling": "Audit sampling",
        "labellingrules": "Labelling rules",
        "knowncase": "Known cases",
        "labelassignment": "Assigned labels",
        "retentionperiod": "Retention periods",
        "legalhold": "Legal holds",
        "standingcosts": "Standing costs",
        "evidenceengine": "Evidence engines",
        "declaredname": "Declared names",
        "evaluator": "Evaluators",
        "modelserver": "Models' servers",
        "questionbinding": "Bound questions",
        "rollout": "Rollouts",
        "webhookendpoint": "Webhooks",
        "webhookdelivery": "Webhook deliveries",
    },
    "Records": {
        "decisionrecord": "Decision ledger",
        "decisionoutcome": "Outcomes",
        "judgement": "Answers of reviewers",
        "decisionimport": "Imports",
        "savedmapping": "Saved mappings",
        "question": "Questions",
        "aiinteraction": "AI interactions",
        "reception": "Received by OpenTelemetry",
        "aidraft": "Drafts",
        "inboundmessage": "Replies to drafts",
        "meetingoverseerdecision": "Overseer decisions",
        "followupbooking": "Bookings",
    },
    "People and keys": {
        "workspace": "Workspaces",
        "membership": "Memberships",
        "invitation": "Invitations",
        "groupgrant": "Groups of the company",
        "apikey": "API keys",
        "authtoken": "Tokens of people",
        "user": "Accounts",
    },
    "Audit trail": {
        "audit": "Everything, in one page",
        "evidencepack": "Evidence packs",
        "signin": "Sign-ins",
        "workspaceevent": "Workspace events",
        "confidencepolicyrevision": "Revisions",
        "proposalevent": "Proposal events",
        "rolloutevent": "Rollout events",
        "recommendation": "Recommendations",
        "policylook": "Looks at policies",
        "heldreview": "Held reviews",
        "ledgeramendment": "Amendments",
        "ledgerremoval": "Removals",
        "checkpoint": "Checkpoints",
    },
    "System": {
        "logleaf": "Leaves of the log",
        "lognode": "Nodes of the log",
        "dbtaskresult": "Background tasks",
        "accessattempt": "Locked sign-ins",
        "accessfailurelog": "Failed sign-ins",
        "accesslog": "Sign-ins",
    },
}
"""What is not named comes last in the section of its kind, under its own name."""

SECTION_OF_KIND: Mapping[type[Model], str] = {Control: "Operate", HostRecord: "Records"}

SYSTEM = "System"
"""What the installation keeps for itself; superusers alone are shown it."""


def page_name(object_name: str) -> str | None:
    """Return what the menu calls the list of a model; None for one that it does not name."""
    return next((names[object_name] for names in SECTIONS.values() if object_name in names), None)


def menu_of(
    apps: Iterable[dict[str, Any]], *, of_system: bool, of_reviewers: bool, of_planners: bool
) -> list[dict[str, Any]]:
    """Return the sections of the menu, from Django's list of what the person may see; none of them empty.

    Parameters
    ----------
    of_system
        With the section of the installation itself.
    of_reviewers
        With the workbench, label files and the page of reviewers.
    of_planners
        With the page that plans labels.
    """
    models = {each["object_name"].lower(): each for app in apps for each in app["models"]}
    if models:
        models["definitions"] = {"object_name": "Definitions", "admin_url": reverse("admin:definitions")}
        models["audit"] = {"object_name": "Audit", "admin_url": reverse("admin:audit")}
    if of_reviewers:
        models["workbench"] = {"object_name": "Workbench", "admin_url": reverse("admin:ledger_judgement_workbench")}
        models["labelfiles"] = {"object_name": "LabelFiles", "admin_url": reverse("admin:ledger_judgement_files")}
        models["reviewers"] = {"object_name": "Reviewers", "admin_url": reverse("admin:reviewers")}
    if of_planners:
        models["labelplan"] = {"object_name": "LabelPlan", "admin_url": reverse("admin:label_plan")}
    sections = {
        title: [{**models.pop(key), "name": name} for key, name in names.items() if key in models]
        for title, names in SECTIONS.items()
    }
    for unnamed in models.values():
        sections.setdefault(_section_of(unnamed["model"]), []).append(unnamed)
    return [
        {"name": title, "app_label": title.lower().replace(" ", "-"), "app_url": "", "models": entries}
        for title, entries in sections.items()
        if entries and (of_system or title != SYSTEM)
    ]


def _section_of(model: type[Model]) -> str:
    return next((title for kind, title in SECTION_OF_KIND.items() if issubclass(model, kind)), SYSTEM)
