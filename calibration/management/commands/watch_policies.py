"""`manage.py watch_policies`: see `calibration.watching`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command

from calibration.answering import explain_answers, look_at_answers
from calibration.models import PolicyAlarm
from calibration.watching import explain, look_at, watched_revisions
from confidence_project.foundation.commands import DomainCommand
from governance.selectors import workspace_by_slug


class Command(DomainCommand):
    help = (
        "Look at the failures of what applied proposals allow, raise an alarm where the promise of their evidence is "
        "broken, and open a proposal to go back; another one where a model answers otherwise than in the window of its "
        "certificate; then look at the registered candidates. Changes no policy."
    )
    examples = """
  manage.py watch_policies
  manage.py watch_policies --workspace acme

Run it daily from cron, on any number of machines: each policy is looked at once a day, whoever comes first.
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", metavar="SLUG", help="Default: all.")

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["workspace"]
        watched = watched_revisions(workspace_by_slug(slug) if slug else None)
        looks = [look_at(revision) for revision in watched]
        made = [seen for seen in looks if seen is not None]
        for seen in made:
            look, alarm = seen.look, PolicyAlarm.objects.filter(look=seen.look).exists()
            name = f"{look.revision.workspace.slug} {look.revision.policy_key}"
            self.stdout.write(f"{'ALARM' if alarm else 'looked'}  {name}: {explain(seen) if alarm else look}")
        for changed in (changed for revision in watched for changed in look_at_answers(revision)):
            name = f"{changed.revision.workspace.slug} {changed.revision.policy_key}"
            self.stdout.write(f"CHANGED  {name}: {explain_answers(changed)}")
        self.stdout.write(f"Looked at {len(made)} policies.")
        call_command("list_candidates", workspace=slug, stdout=self.stdout)
