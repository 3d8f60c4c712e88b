"""No foreign key points at the ledger any more: partitions of what one refers to cannot be dropped. Triggers look
instead (`leads_to` of the models), and `migrate` puts them into place when it ends."""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

from confidence_project.foundation.triggers import EnforceAppendOnly

EFFECTIVE = import_module("ledger.migrations.0006_one_book").EFFECTIVE


class Migration(migrations.Migration):

    dependencies = [
        ("ledger", "0027_counted_at"),
    ]

    operations = [
        EnforceAppendOnly(
            ["DecisionOutcome", "LedgerAmendment"],
            views={"decision_ledger_effective": EFFECTIVE},
            operations=[
                migrations.AlterField(
                    model_name="decisionoutcome",
                    name="decision",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="outcomes",
                        to="ledger.decisionrecord",
                    ),
                ),
                migrations.AlterField(
                    model_name="ledgeramendment",
                    name="decision",
                    field=models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="amendments",
                        to="ledger.decisionrecord",
                    ),
                ),
            ],
        ),
    ]
