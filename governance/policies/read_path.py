"""What the database says of policy keys at this moment, in one statement: controls, policies, configs in rollout.

One statement, so that all of it is seen as of one moment: an apply moves a policy and its rollout together. Written
out, because every decision waits for it, and the ORM takes longer to build the same than the database to answer it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import NamedTuple

from django.db import connection

from governance.models import Workspace
from governance.models.controls import Control
from governance.models.versions import TABLE as VERSIONS

VERSION = "version"
WORKSPACE = "workspace"
POLICY = "policy"
ROLLOUT = "rollout"


class Row(NamedTuple):
    """One thing that holds now; every column is text, and blank where it says nothing.

    | kind           | name               | value              | share         | until                 |
    | -------------- | ------------------ | ------------------ | ------------- | --------------------- |
    | version        |                    | of all that governs|               |                       |
    | workspace      |                    | toggles, where on  |               |                       |
    | of a control   | its `gate_columns` | its `gate_columns` |               |                       |
    | policy         | version            | config as JSON     |               |                       |
    | rollout        | id                 | config as JSON     | of the cases  | its proposal runs out |
    """

    kind: str
    policy_key: str
    """What it covers; blank: every policy key."""
    name: str
    value: str
    share: str
    until: str


_WORKSPACE = """
SELECT 'version', '', '', CAST(version AS text), '', ''
  FROM {versions}
 WHERE workspace_id = %(workspace)s
UNION ALL
SELECT 'workspace', '', '', {toggles}, '', ''
  FROM governance_workspace
 WHERE id = %(workspace)s
"""

_CONTROL = """
UNION ALL
SELECT '{kind}', policy_key, {name}, {value}, '', ''
  FROM {table}
 WHERE workspace_id = %(workspace)s AND ended_at IS NULL AND policy_key IN ('', {keys})
"""

_POLICIES = """
UNION ALL
SELECT 'policy', policy_key, CAST(version AS text), CAST(config AS text), '', ''
  FROM governance_confidencepolicy
 WHERE workspace_id = %(workspace)s AND policy_key IN ({keys})
UNION ALL
SELECT 'rollout', rollout.policy_key, CAST(rollout.id AS text), CAST(proposal.config AS text),
       CAST(rollout.share AS text), CAST(proposal.expires_at AS text)
  FROM governance_rollout rollout
  JOIN governance_confidencepolicyproposal proposal ON proposal.id = rollout.proposal_id
 WHERE rollout.workspace_id = %(workspace)s AND rollout.ended_at IS NULL AND rollout.policy_key IN ({keys})
   AND proposal.expires_at > %(now)s
"""


def read_rows(workspace_id: int, policy_keys: Collection[str], now: datetime) -> list[Row]:
    """Return what holds over `policy_keys`, and the version of it.

    A rollout whose proposal has run out `now` is over, whether or not anybody has marked it yet.
    """
    names = {f"key_{number}": policy_key for number, policy_key in enumerate(policy_keys)}
    adapted = connection.ops.adapt_datetimefield_value(now)
    with connection.cursor() as cursor:
        cursor.execute(_statement(len(names)), {"workspace": workspace_id, "now": adapted, **names})
        return [Row(*row) for row in cursor.fetchall()]


@cache
def _statement(number_of_keys: int) -> str:
    keys = ", ".join(f"%(key_{number})s" for number in range(number_of_keys))
    toggles = " || ".join(f"CASE WHEN {name} THEN ' {name}' ELSE '' END" for name in Workspace.TOGGLES)
    controls = [
        _CONTROL.format(
            kind=model.row_kind(),
            name=model.gate_columns[0],
            value=model.gate_columns[1],
            table=model._meta.db_table,
            keys=keys,
        )
        for model in Control.__subclasses__()
        if model.gate_columns is not None
    ]
    return _WORKSPACE.format(toggles=toggles, versions=VERSIONS) + "".join(controls) + _POLICIES.format(keys=keys)
