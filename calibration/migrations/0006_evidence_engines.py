import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from confidence_project.foundation.triggers import EnforceAppendOnly


class Migration(migrations.Migration):

    dependencies = [
        ('calibration', '0005_looks_for_band'),
        ('governance', '0005_declared_names'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='EvidenceEngine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('policy_key', models.CharField(blank=True, default='', help_text='Blank: the whole workspace.', max_length=100)),
                ('reason', models.CharField(max_length=500)),
                ('started_at', models.DateTimeField()),
                ('started_by_name', models.CharField(blank=True, default='', max_length=150)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('ended_by_name', models.CharField(blank=True, default='', max_length=150)),
                ('end_reason', models.CharField(blank=True, default='', max_length=500)),
                ('name', models.CharField(help_text='What runs and proposals call it.', max_length=50)),
                ('kind', models.CharField(choices=[('duckdb', 'DuckDB'), ('clickhouse', 'ClickHouse'), ('spark', 'Apache Spark')], max_length=10)),
                ('address_variable', models.CharField(help_text='The environment variable that holds the address: never stored here.', max_length=100)),
                ('decisions', models.CharField(help_text='Files below the address, or a table.', max_length=200)),
                ('outcomes', models.CharField(blank=True, default='', help_text='Blank: they stand in the rows of the decisions.', max_length=200)),
                ('mapping', models.JSONField(help_text='Which column holds what.')),
                ('ended_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('started_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='governance.workspace')),
            ],
            options={
                'verbose_name': 'evidence engine',
                'ordering': ['-started_at', '-id'],
                'abstract': False,
            },
        ),
        migrations.AddField(
            model_name='confidencecalibrationrun',
            name='engine',
            field=models.ForeignKey(blank=True, help_text='Where decisions were counted; blank: in the ledger. A review reads what its calendar names.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='calibration.evidenceengine'),
        ),
        # SQLite rebuilds the table, and with it its triggers would go.
        EnforceAppendOnly(
            ["ReviewCalendar"],
            operations=[
                migrations.AddField(
                    model_name='reviewcalendar',
                    name='engine',
                    field=models.ForeignKey(blank=True, help_text='Where decisions are counted; blank: in the ledger.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='calibration.evidenceengine'),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name='evidenceengine',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('workspace', 'name'), name='evidence_engine_once'),
        ),
    ]
