import django.db.models.deletion
from django.db import migrations, models

from confidence_project.foundation.triggers import EnforceAppendOnly


class Migration(migrations.Migration):

    dependencies = [
        ('ledger', '0014_log_in_commit_order'),
    ]

    operations = [
        migrations.CreateModel(
            name='Cosignature',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('witness', models.CharField(help_text='The name of its key.', max_length=200)),
                ('line', models.TextField(help_text='The signature line of the note, as the witness answered it.')),
                ('received_at', models.DateTimeField()),
                ('checkpoint', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cosignatures', to='ledger.checkpoint')),
            ],
            options={
                'ordering': ['id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('checkpoint', 'witness'), name='cosignature_once')],
            },
        ),
        EnforceAppendOnly(["Cosignature"]),
    ]
