"""The page on which an upload is looked at and mapped, before any of it is stored."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from confidence_project.foundation.errors import DomainError, WrongState
from governance.access.permissions import Verb, may, who_may
from governance.admin_kit.service_views import ServiceAdmin
from ledger.admin.imports.fields import rest_of
from ledger.admin.imports.mapping_form import MappingForm
from ledger.admin.imports.upload_form import FORMATS
from ledger.imports import course
from ledger.imports.mapping import ImportMapping, parse_mapping
from ledger.imports.options import without_options
from ledger.imports.preview import SHOWN, Look
from ledger.imports.queue import request_import
from ledger.imports.saved import offered_mappings, save_mapping
from ledger.imports.uploads import first_guess, look_at_upload
from ledger.models import DecisionImport

START = "start"
COLUMNS_SHOWN = 40
REFUSAL = "The file cannot be imported like this. What is to be mended stands beside its field."
NOTHING_GOOD = "None of the first rows would be imported, so nothing was. The reasons stand below."


def may_import(person: Any, kept: DecisionImport) -> bool:
    """True where a person may import into the workspace, and see what is in the file."""
    return may(Verb.OPERATE, person, kept.workspace)


class MappingPages(ServiceAdmin):
    """Pages of an upload that wait for its mapping."""

    def map_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what is understood of the first rows, and take what the columns mean."""
        kept = self._operated(request, object_id)
        if isinstance(kept, HttpResponse):
            return kept
        if not kept.can_be_mapped:
            messages.info(request, "The import is on its way, or over: this is what became of it.")
            return HttpResponseRedirect(self._back(kept))
        try:
            return self._mapped(request, kept) if request.method == "POST" else self._to_be_mapped(request, kept)
        except WrongState as error:
            messages.info(request, error.detail)
            return HttpResponseRedirect(self._back(kept))

    def _to_be_mapped(self, request: HttpRequest, kept: DecisionImport) -> HttpResponse:
        mapping = self._start(request, kept)
        seen, problem = self._look(request, kept, mapping, kept.file_format)
        return self._map_page(request, kept, self._form(kept, mapping, kept.file_format, seen), seen, problem)

    def _start(self, request: HttpRequest, kept: DecisionImport) -> ImportMapping:
        """The mapping to begin with: the chosen one, what was said before, or a guess."""
        chosen = request.GET.get(START)
        offered = {each.key: each.mapping for each in offered_mappings(kept.workspace)}
        if chosen in offered:
            return parse_mapping(offered[chosen])
        if kept.mapping and chosen is None:
            return parse_mapping(kept.mapping)
        return first_guess(actor=request.user, kept=kept)

    def _mapped(self, request: HttpRequest, kept: DecisionImport) -> HttpResponse:
        # How the file is written decides which columns there are, and these, what may be said of them.
        file_format = request.POST.get("format", kept.file_format)
        try:
            base = parse_mapping(json.loads(request.POST.get("begun_with") or "{}"))
            raw = parse_mapping({**rest_of(base), "separator": request.POST.get("separator", ",")})
        except (DomainError, ValueError):
            raise Http404 from None
        if file_format not in FORMATS:
            raise Http404
        seen, problem = self._look(request, kept, raw, file_format)
        form = self._form(kept, base, file_format, seen, request.POST)
        if seen is None or form.is_of_other_columns:
            guess = parse_mapping({**raw.as_json(), **(seen.proposed if seen else {})})
            seen, problem = self._look(request, kept, guess, file_format)
            form = self._form(kept, guess, file_format, seen)
            return self._map_page(request, kept, form, seen, problem)
        if not form.is_valid():
            return self._map_page(request, kept, form, seen, problem, REFUSAL)
        seen, problem = self._look(request, kept, form.mapping, file_format)
        course.declare(actor=request.user, kept=kept, mapping=form.mapping, file_format=file_format)
        self._save(request, kept, form)
        if "import" not in request.POST or problem or seen is None or seen.problem:
            return self._map_page(request, kept, form, seen, problem)
        if seen.rows and not any(each.row for each in seen.rows):
            return self._map_page(request, kept, form, seen, "", NOTHING_GOOD)
        request_import(actor=request.user, kept=kept, mapping=form.mapping, file_format=file_format)
        self.log_change(request, kept, "Import")
        return HttpResponseRedirect(self._back(kept))

    def _save(self, request: HttpRequest, kept: DecisionImport, form: MappingForm) -> None:
        if name := form.cleaned_data["save_as"]:
            save_mapping(workspace=kept.workspace, name=name, mapping=form.mapping)
            messages.success(request, f"The mapping is saved as “{name}”.")

    def _look(
        self, request: HttpRequest, kept: DecisionImport, mapping: ImportMapping, file_format: str
    ) -> tuple[Look | None, str]:
        try:
            return look_at_upload(actor=request.user, kept=kept, mapping=mapping, file_format=file_format), ""
        except DomainError as error:
            return None, error.detail

    def _form(
        self, kept: DecisionImport, mapping: ImportMapping, file_format: str, seen: Look | None, data: Any = None
    ) -> MappingForm:
        return MappingForm(
            data,
            mapping=mapping,
            file_format=file_format,
            columns=seen.columns if seen else (),
            known=seen is not None and seen.same_in_all,
            workspace=kept.workspace,
        )

    def _map_page(
        self,
        request: HttpRequest,
        kept: DecisionImport,
        form: MappingForm,
        seen: Look | None,
        problem: str,
        refusal: str = "",
    ) -> HttpResponse:
        rows = seen.rows if seen else ()
        reasons = Counter(each.problem for each in rows if each.problem)
        columns = form.columns[:COLUMNS_SHOWN]
        context = {
            "kept": kept,
            "form": form,
            "rest": rest_of(form.base),
            "seen": seen,
            "problem": without_options(problem or (seen.problem if seen else "")),
            "refusal": refusal,
            "is_judged": form.is_valid() or not form.is_bound,
            "columns": columns,
            "columns_left_out": len(form.columns) - len(columns),
            "raw": [(each.number, [(each.values or {}).get(name) for name in columns]) for each in rows[:SHOWN]],
            "understood": [(each, without_options(each.problem)) for each in rows[:SHOWN]],
            "good": sum(each.row is not None for each in rows),
            "unlabelled": sum(each.row is not None and not each.row.labels for each in rows),
            "reasons": [(without_options(reason), count) for reason, count in reasons.most_common()],
            "offered": offered_mappings(kept.workspace),
            "start": request.GET.get(START, ""),
            "back": self._back(kept),
        }
        return self._page(request, "admin/ledger/decisionimport/map.html", f"Import {kept}", context)

    def _operated(self, request: HttpRequest, object_id: str) -> Any:
        """Return the import, or the refusal for who sees it and may not import."""
        kept = self.get_object(request, unquote(object_id))
        if kept is None:
            raise Http404
        if may_import(request.user, kept):
            return kept
        context = {"refusal": who_may(Verb.OPERATE), "back": self._back(kept)}
        return self._page(request, "admin/governance/refused.html", "You may not do this", context, 403)

    def _page_of(self, name: str, kept: DecisionImport) -> str:
        return reverse(f"admin:ledger_decisionimport_{name}", args=[kept.pk], current_app=self.admin_site.name)
