"""The transparency log in the admin: its leaves and nodes for superusers, its checkpoints with cosignatures for all."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from governance.admin_kit.scoped_admin import KeysetAdmin, ScopedAdmin
from ledger.admin.base import attachment
from ledger.models import Checkpoint, LogLeaf, LogNode
from ledger.transparency.kinds import KINDS


class LogAdmin(KeysetAdmin):
    """Tables of the log, which belongs to no workspace: a superuser's."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.model._default_manager.order_by(*self.ordering)
        return rows

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) and getattr(request.user, "is_superuser", False)


class KindFilter(admin.SimpleListFilter):
    """Filter leaves by the kind of entry; offers the kinds that are registered, and looks at no row for that."""

    title = "kind of entry"
    parameter_name = "entry"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name.replace("_", " ")) for name in KINDS.keys]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(entry=self.value()) if self.value() else queryset


@admin.register(LogLeaf)
class LogLeafAdmin(LogAdmin):
    nothing_yet = "The log is empty: the operator's command checkpoint_ledger appends what is new"
    list_display = ["position", "entry", "entry_id", "hash"]
    list_filter = [KindFilter]
    search_fields = ["entry_id__exact"]
    fields = ["position", "entry", "entry_id", "hash"]
    readonly_fields = ["position", "entry", "entry_id", "hash"]

    @admin.display(description="leaf hash")
    def hash(self, leaf: LogLeaf) -> str:
        return bytes(leaf.leaf_hash).hex()


@admin.register(LogNode)
class LogNodeAdmin(LogAdmin):
    nothing_yet = "The log is empty: the operator's command checkpoint_ledger appends what is new"
    list_display = ["level", "index", "hash"]
    fields = ["level", "index", "hash"]
    readonly_fields = ["level", "index", "hash"]

    @admin.display(description="node hash")
    def hash(self, node: LogNode) -> str:
        return bytes(node.node_hash).hex()


@admin.register(Checkpoint)
class CheckpointAdmin(LogAdmin):
    """Checkpoints are made to be published, so every staff member sees them."""

    nothing_yet = "No checkpoint was signed yet: the operator's command checkpoint_ledger signs one"
    list_display = ["tree_size", "created_at", "hash"]
    fields = ["tree_size", "swept_at", "created_at", "hash", "signed_note"]
    readonly_fields = ["tree_size", "swept_at", "created_at", "hash", "signed_note"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return ScopedAdmin.has_module_permission(self, request)

    def get_urls(self) -> list[URLPattern]:
        own = path("<path:object_id>/note/", self.admin_site.admin_view(self.note_view), name="ledger_checkpoint_note")
        return [own, *super().get_urls()]

    def note_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give the signed note as a file, byte for byte as verifiers read it."""
        checkpoint = self.get_object(request, object_id)
        if checkpoint is None:
            raise Http404
        return attachment(
            checkpoint.cosigned_note, f"checkpoint-{checkpoint.tree_size}.txt", "text/plain; charset=utf-8"
        )

    @admin.display(description="root hash")
    def hash(self, checkpoint: Checkpoint) -> str:
        return bytes(checkpoint.root_hash).hex()

    @admin.display(description="signed note")
    def signed_note(self, checkpoint: Checkpoint) -> SafeString:
        address = reverse("admin:ledger_checkpoint_note", args=[checkpoint.pk])
        return format_html('<pre>{}</pre><a href="{}">Download it</a>', checkpoint.cosigned_note, address)
