from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('calibration', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='confidencecalibrationrun',
            name='costs',
            field=models.JSONField(blank=True, help_text='What a false allow, a false block and a review cost, as stated.', null=True),
        ),
        migrations.AddField(
            model_name='confidencecalibrationrun',
            name='dry_run',
            field=models.BooleanField(default=False, help_text='Figures only: nothing was to be proposed.'),
        ),
        migrations.AddField(
            model_name='confidencecalibrationrun',
            name='tighten_only',
            field=models.BooleanField(default=False, help_text='Nothing more lenient than in force was to be named.'),
        ),
    ]
