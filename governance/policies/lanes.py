"""The plain case of evaluating one flag: what was read before, if the database says that it still governs."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from governance.access.lanes import Lane
from governance.models import ApiKey
from governance.policies.governing import current_version, last_read
from governance.policies.ofrep import evaluate_flag, parse_context


def _evaluate(key: ApiKey, body: bytes, name: str) -> Any:
    governing = last_read(key.workspace, name.rpartition(".")[0])
    if governing is None or governing.governed_by != key.governed_by:
        return None
    context = parse_context(body)
    if current_version(key.workspace_id) != key.governed_by:
        return None
    return evaluate_flag(key.workspace, name, context, governing)


EVALUATE_FLAG = Lane(ApiKey.Scope.READ, HTTPStatus.OK, _evaluate)
