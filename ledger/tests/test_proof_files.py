"""Proof files of c2sp.org/tlog-proof@v1: form, strictness, and what they prove."""

from __future__ import annotations

import base64
import hashlib

import pytest

from confidence_project.foundation.errors import InvalidInput
from ledger.transparency.merkle import leaf_hash, node_hash
from ledger.transparency.notes import SignerKey, TreeHead
from ledger.transparency.proofs import InclusionProof, consistency_text

HEADER = "c2sp.org/tlog-proof@v1"
HASHES = tuple(hashlib.sha256(text).digest() for text in (b"hash1", b"hash2"))
LINES = "".join(base64.b64encode(value).decode() + "\n" for value in HASHES)


def test_text__index_path_and_checkpoint__has_the_specified_form() -> None:
    text = f"{HEADER}\nindex 5\n{LINES}\ntest checkpoint\n"
    assert str(InclusionProof(5, HASHES, "test checkpoint\n")) == text
    assert InclusionProof.parse(text) == InclusionProof(5, HASHES, "test checkpoint\n")


def test_text__no_path__still_has_its_blank_line() -> None:
    assert str(InclusionProof(0, (), "checkpoint\n")) == f"{HEADER}\nindex 0\n\ncheckpoint\n"


def test_parse__extra_data__is_skipped() -> None:
    extra = base64.b64encode(b"extra information").decode()
    proof = InclusionProof.parse(f"{HEADER}\nextra {extra}\nindex 10\n{LINES}\ncheckpoint\n")
    assert proof == InclusionProof(10, HASHES, "checkpoint\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{HEADER}\n",
        "wrong-header\nindex 0\n\ncheckpoint\n",
        f"{HEADER}\nextra !!notbase64!!\nindex 0\n\ncheckpoint\n",
        f"{HEADER}\n\n\ncheckpoint\n",
        f"{HEADER}\nindex notanumber\n\ncheckpoint\n",
        f"{HEADER}\nindex -5\n\ncheckpoint\n",
        f"{HEADER}\nindex 007\n\ncheckpoint\n",
        f"{HEADER}\nindex 1\n",
        f"{HEADER}\nindex 0\n!!notbase64!!\n\ncheckpoint\n",
        f"{HEADER}\nindex 0\n{base64.b64encode(bytes(64)).decode()}\n\ncheckpoint\n",
        f"{HEADER}\nindex 0\nypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLt=\n\ncheckpoint\n",
    ],
)
def test_parse__text_that_is_no_proof__is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        InclusionProof.parse(text)


def test_verify__the_entry_and_only_the_entry__is_proved() -> None:
    key = SignerKey.generate("example.com/log")
    sibling = leaf_hash(b"first")
    head = TreeHead("example.com/log", 2, node_hash(sibling, leaf_hash(b"second")))
    proof = InclusionProof(1, (sibling,), key.sign(head.text))
    assert proof.verify(b"second", [key.verifier]) == head
    with pytest.raises(InvalidInput, match="does not lead"):
        proof.verify(b"Second", [key.verifier])
    with pytest.raises(InvalidInput, match="known keys"):
        proof.verify(b"second", [SignerKey.generate("example.com/log").verifier])


def test_consistency_text__has_the_form_that_witnesses_take() -> None:
    assert consistency_text(7, HASHES, "checkpoint\n") == f"old 7\n{LINES}\ncheckpoint\n"
