"""Follow the tables of the ledger in the order of commits, and log more kinds of rows."""

from django.db import migrations, models

from confidence_project.foundation.triggers import EnforceAppendOnly

GROWING = ["decision_ledger", "ledger_decisionoutcome", "ledger_outcomevoid", "ledger_ledgeramendment"]


def remember_transactions(apps, schema_editor):
    """Keep the transaction that wrote a row, by a default that Django does not know. No row is rewritten: those that
    are there already keep null, and are looked at whole once."""
    if schema_editor.connection.vendor != "postgresql":
        return
    for table in GROWING:
        schema_editor.execute(f"ALTER TABLE {table} ADD COLUMN written_in bigint")
        schema_editor.execute(
            f"ALTER TABLE {table} ALTER COLUMN written_in SET DEFAULT (pg_current_xact_id()::text::bigint)"
        )
        schema_editor.execute(f"CREATE INDEX {table}_written_in ON {table} (written_in)")


def forget_transactions(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table in GROWING:
            schema_editor.execute(f"ALTER TABLE {table} DROP COLUMN written_in")


class Migration(migrations.Migration):

    dependencies = [
        ('ledger', '0013_slim_indexes'),
    ]

    operations = [
        migrations.CreateModel(
            name='LogWatermark',
            fields=[
                ('entry', models.CharField(max_length=30, primary_key=True, serialize=False)),
                ('mark', models.BigIntegerField(help_text='Every row before it is in the log; `commit_order` says what it counts.')),
            ],
        ),
        EnforceAppendOnly(
            ["LogLeaf", "Checkpoint"],
            operations=[
                migrations.AddField(
                    model_name='checkpoint',
                    name='swept_at',
                    field=models.DateTimeField(help_text='It holds every row that was committed by then. Null: it was signed by an earlier release.', null=True),
                ),
                migrations.AlterField(
                    model_name='logleaf',
                    name='entry',
                    field=models.CharField(help_text='The kind of entry.', max_length=30),
                ),
            ],
        ),
        migrations.RunPython(remember_transactions, forget_transactions),
    ]
