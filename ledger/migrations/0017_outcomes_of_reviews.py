from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ledger', '0016_removals'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='decisionoutcome',
            index=models.Index(condition=models.Q(('external_id__startswith', 'review-'), ('source', 'human_review')), fields=['workspace', 'recorded_at', 'id'], name='outcome_of_a_review'),
        ),
    ]
