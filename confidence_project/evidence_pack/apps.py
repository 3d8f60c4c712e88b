"""App configuration of the evidence packs."""

from django.apps import AppConfig


class EvidencePackConfig(AppConfig):
    name = "confidence_project.evidence_pack"
    label = "evidence_pack"

    def ready(self) -> None:
        from confidence_project.evidence_pack.audit import register_history

        register_history()
