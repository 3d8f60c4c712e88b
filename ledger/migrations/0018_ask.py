"""A third verdict, `ask`, and confidences in a no."""

from importlib import import_module

from django.db import migrations, models

from confidence_project.foundation.triggers import EnforceAppendOnly

EFFECTIVE = import_module("ledger.migrations.0006_one_book").EFFECTIVE

VERDICTS = [("allow", "Allow"), ("block", "Block"), ("ask", "Ask a person")]

KINDS = [
    ("self_reported", "Stated by the model"),
    ("token_probability", "Token probability"),
    ("classifier", "Probability of a classifier"),
    ("verbal", "Word, with the number that an import declared for it"),
    ("decision_model", "Answer of a decision model"),
    ("predicate_yes", "Predicate: P(yes)"),
    ("predicate_no", "Predicate: P(no)"),
    ("predicate_max", "Predicate: the larger of P(yes) and P(no)"),
    ("choice_probability", "Choice: probability of the chosen option"),
    ("openai_choice", "Confidence of a choice, OpenAI Decisions API"),
    ("openai_score", "Confidence of a score, OpenAI Decisions API"),
    ("system_one_choice", "Confidence of a choice, System One"),
    ("system_one_score", "Confidence of a score, System One"),
    ("google_choice", "Confidence of a choice, Google"),
    ("google_score", "Confidence of a score, Google"),
    ("unspecified", "Not said"),
]


def look_at_everything_once(apps, schema_editor):
    """SQLite builds the table anew for another constraint, and numbers its rows anew where some were taken away."""
    if schema_editor.connection.vendor == "sqlite":
        apps.get_model("ledger", "LogWatermark").objects.filter(entry="decision").delete()


class Migration(migrations.Migration):

    dependencies = [
        ("ledger", "0017_outcomes_of_reviews"),
    ]

    operations = [
        EnforceAppendOnly(
            ["DecisionRecord"],
            views={"decision_ledger_effective": EFFECTIVE},
            operations=[
                migrations.RemoveConstraint(model_name="decisionrecord", name="ledger_verdict_is_known"),
                migrations.AlterField(
                    model_name="decisionrecord",
                    name="gate_verdict",
                    field=models.CharField(choices=VERDICTS, max_length=5),
                ),
                migrations.AlterField(
                    model_name="decisionrecord",
                    name="candidate_verdict",
                    field=models.CharField(
                        blank=True,
                        choices=VERDICTS,
                        default="",
                        help_text="What the proposed config said.",
                        max_length=5,
                    ),
                ),
                migrations.AddConstraint(
                    model_name="decisionrecord",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("gate_verdict__in", ["allow", "block", "ask"])),
                        name="ledger_verdict_is_known",
                    ),
                ),
            ],
        ),
        migrations.AlterField(
            model_name="decisionrecord",
            name="confidence_kind",
            field=models.CharField(choices=KINDS, default="unspecified", max_length=20),
        ),
        migrations.AddIndex(
            model_name="decisionrecord",
            index=models.Index(
                condition=models.Q(("gate_verdict", "ask")), fields=["workspace", "decision_id"], name="ledger_asked"
            ),
        ),
        migrations.RunPython(look_at_everything_once, migrations.RunPython.noop),
    ]
