"""In place of schemathesis' check that sound data is accepted: what is refused, is refused for more than its form."""

from __future__ import annotations

import schemathesis

REFUSED = {400, 413, 415, 422}

BEYOND_FORM = {
    "conflict",  # the id is taken, or somebody was quicker
    "wrong_state",  # of a decision: it waits for no label
    "not_found",
    "name",  # of a provider or a model, with blanks, that the workspace did not declare
    "unknown",  # a draft that was not sent yet
    "unknown_policy_key",
    "time",  # in the future, or before the epoch of the workspace
    "invalid_input",  # without a field: a rule of the workflow, such as that a proposal changes something
    "value",  # of a field of a policy, or of a segment: each definition has its own
    "duplicate",  # two overrides for one segment
    "required",  # a text of blanks
    "characters",  # a NUL, which no database takes
}


@schemathesis.check
def sound_data_is_refused_for_more_than_its_form(
    context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    if response.status_code not in REFUSED or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    problem = response.json()
    reasons = {error["code"] for error in problem.get("errors", ())} or {problem["code"]}
    assert reasons <= BEYOND_FORM, f"{case.operation.label} refuses sound data: {problem}"
