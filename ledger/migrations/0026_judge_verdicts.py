from decimal import Decimal

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

from confidence_project.foundation.triggers import EnforceAppendOnly


def remember_transactions(apps, schema_editor):
    """Let the log follow the table in the order of commits; see the migration that made it do so."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "ALTER TABLE ledger_judgeverdict ADD COLUMN written_in bigint DEFAULT (pg_current_xact_id()::text::bigint)"
        )
        schema_editor.execute("CREATE INDEX ledger_judgeverdict_written_in ON ledger_judgeverdict (written_in)")


class Migration(migrations.Migration):

    dependencies = [
        ('governance', '0019_sampling_rates'),
        ('ledger', '0025_label_assignments'),
    ]

    operations = [
        migrations.CreateModel(
            name='JudgeVerdict',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('success', models.BooleanField(help_text='The judge calls the action right.')),
                ('lot', models.PositiveSmallIntegerField(help_text='Drawn at random, 0 to 9,999.')),
                ('share', models.DecimalField(decimal_places=4, help_text='Share of the rules at that time.', max_digits=5)),
                ('is_spared', models.BooleanField(help_text='The judge calls it right, and its lot is not below the share.')),
                ('recorded_at', models.DateTimeField()),
                ('reporter', models.CharField(help_text='API key that reported it.', max_length=150)),
                ('external_id', models.CharField(max_length=200)),
                ('body_sha256', models.CharField(max_length=64)),
                ('decision', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='judge_verdict', to='ledger.decisionrecord')),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='governance.workspace')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('workspace', 'external_id'), name='judge_verdict_external_id_once'), models.CheckConstraint(condition=models.Q(('lot__lt', 10000)), name='judge_verdict_lot_is_lot')],
            },
        ),
        migrations.AddField(
            model_name='labellingrules',
            name='judged_share',
            field=models.DecimalField(blank=True, decimal_places=4, help_text='Of what a judge calls right, the share that people label all the same. Null: no judge.', max_digits=5, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0.05')), django.core.validators.MaxValueValidator(1)]),
        ),
        migrations.RunPython(remember_transactions, migrations.RunPython.noop),
        EnforceAppendOnly(["JudgeVerdict"]),
    ]
