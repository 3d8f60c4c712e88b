import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('calibration', '0002_run_options'),
        ('governance', '0003_opaque_api_key_ids'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='confidencecalibrationrun',
            name='costs',
            field=models.JSONField(blank=True, help_text='What a false allow, a false block and a review cost, as stated for this run.', null=True),
        ),
        migrations.CreateModel(
            name='StandingCosts',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(max_length=500)),
                ('started_at', models.DateTimeField()),
                ('started_by_name', models.CharField(blank=True, default='', max_length=150)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('ended_by_name', models.CharField(blank=True, default='', max_length=150)),
                ('end_reason', models.CharField(blank=True, default='', max_length=500)),
                ('policy_key', models.CharField(max_length=100)),
                ('false_allow', models.FloatField(help_text='A failure that was allowed; in one unit with the other two.')),
                ('false_block', models.FloatField(help_text='A success that was blocked, on top of its review.')),
                ('review', models.FloatField(help_text='Any decision that was blocked.')),
                ('ended_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('started_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='governance.workspace')),
            ],
            options={
                'verbose_name': 'standing costs',
                'verbose_name_plural': 'standing costs',
                'ordering': ['-started_at', '-id'],
                'abstract': False,
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('workspace', 'policy_key'), name='standing_costs_once'), models.CheckConstraint(condition=models.Q(('false_allow__gte', 0), ('false_block__gte', 0), ('review__gte', 0), models.Q(('false_allow__gt', 0), ('false_block__gt', 0), ('review__gt', 0), _connector='OR')), name='standing_costs_decide')],
            },
        ),
    ]
