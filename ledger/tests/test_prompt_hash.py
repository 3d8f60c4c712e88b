"""The prompt hash names a contract: the same for the same contract, whoever computes it."""

from __future__ import annotations

import subprocess

from hypothesis import given
from hypothesis import strategies as st

from ledger.contracts import compute_prompt_hash


def test_compute__known_contract__sha256_of_its_canonical_json():
    # Made outside of Python: sha256sum over the bytes that the contract prescribes.
    canonical = '{"contract_version":"1","prompt":"Sort the mail.","prompt_template_id":"mail.v1","tools_schema":null}'
    reference = subprocess.run(["sha256sum"], input=canonical.encode(), capture_output=True, check=True)
    assert compute_prompt_hash("mail.v1", "  Sort the mail.\n", None, "1") == reference.stdout.decode().split()[0]


@given(st.dictionaries(st.text(max_size=5), st.integers(), min_size=2))
def test_compute__keys_in_another_order__same_hash(schema):
    backwards = dict(reversed(schema.items()))
    assert compute_prompt_hash("t", "p", schema, "1") == compute_prompt_hash("t", "p", backwards, "1")


def test_compute__any_of_the_four_changes__another_hash():
    hashes = {
        compute_prompt_hash("t", "p", {}, "1"),
        compute_prompt_hash("u", "p", {}, "1"),
        compute_prompt_hash("t", "q", {}, "1"),
        compute_prompt_hash("t", "p", {"a": 1}, "1"),
        compute_prompt_hash("t", "p", {}, "2"),
    }
    assert len(hashes) == 5
