from django.db import migrations, models

from confidence_project.foundation.triggers import EnforceAppendOnly, WriteOnce


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0009_governing_version"),
    ]

    operations = [
        # SQLite rebuilds a table for a new column that is not null, and loses its triggers.
        EnforceAppendOnly(
            ["ProposalEvent"],
            operations=[
                migrations.AddField(
                    model_name="proposalevent",
                    name="acknowledged_uncertified",
                    field=models.BooleanField(
                        default=False,
                        help_text="Whoever took the step confirmed that nothing bears the loosening out.",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="confidencepolicyproposal",
            name="superseded_by",
            field=models.ForeignKey(
                blank=True,
                help_text="What took its place.",
                null=True,
                on_delete=models.deletion.PROTECT,
                related_name="superseded",
                to="governance.confidencepolicyproposal",
            ),
        ),
        migrations.AddField(
            model_name="confidencepolicyproposal",
            name="about",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Which values a person's proposal changes; blank: any.",
                max_length=64,
            ),
        ),
        migrations.RemoveConstraint(model_name="confidencepolicyproposal", name="proposal_one_open"),
        migrations.AddConstraint(
            model_name="confidencepolicyproposal",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["PENDING", "APPROVED"])),
                fields=("workspace", "policy_key", "origin", "about"),
                name="proposal_one_open",
            ),
        ),
        WriteOnce(
            "ConfidencePolicyProposal",
            [
                "workspace", "policy_key", "origin", "about", "title", "summary", "config", "base_version",
                "base_config", "evidence", "evidence_sha256", "created_at", "author_name",
            ],
        ),
    ]
