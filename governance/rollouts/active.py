"""A config in rollout beside the policy in force: whom it decides for, and what it would say of everybody."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

PolicyT = TypeVar("PolicyT")

_HASH_BITS = 64


def is_in_share(rollout_id: int, case_key: str, share: Decimal) -> bool:
    """True when the case belongs to the share: SHA-256 of rollout and case, read as a number in [0, 1), lies below.

    A case stays in as the share is raised, and two rollouts choose independently. Without a case key there is no
    telling which case it is, so it belongs to no share.
    """
    if not case_key:
        return False
    digest = hashlib.sha256(f"{rollout_id}:{case_key}".encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[: _HASH_BITS // 8]) < int(share * 2**_HASH_BITS)


@dataclass(frozen=True, slots=True)
class ActiveRollout(Generic[PolicyT]):
    """An active rollout. `share` 0: in shadow. `candidate` None: its config is not valid any more."""

    rollout_id: int
    share: Decimal
    candidate: PolicyT | None

    @property
    def is_canary(self) -> bool:
        return self.share > 0

    def decides(self, case_key: str) -> bool:
        """True when the candidate, and not the policy in force, rules over the case."""
        return is_in_share(self.rollout_id, case_key, self.share)
