"""Make the triggers of outcomes anew: on SQLite each insert read the whole table once the planner had statistics."""

from django.db import migrations

from confidence_project.foundation.triggers import EnforceAppendOnly


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_index_per_filter")]

    operations = [EnforceAppendOnly(["DecisionOutcome"])]
