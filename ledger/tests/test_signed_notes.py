"""Notes and keys as golang.org/x/mod/sumdb/note and c2sp.org/signed-note have them; vectors from the former."""

from __future__ import annotations

import pytest

from confidence_project.foundation.errors import InvalidInput
from ledger.transparency.notes import SignerKey, TreeHead, VerifierKey, open_note

SIGNER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
OTHER_VERIFIER = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNATURE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
NOTE = f"{TEXT}\n{SIGNATURE}"


def test_sign__published_key_and_text__gives_the_published_note() -> None:
    assert SignerKey.parse(SIGNER).sign(TEXT) == NOTE


def test_keys__published_texts__survive_the_round_trip() -> None:
    signer = SignerKey.parse(SIGNER)
    assert (signer.secret_text(), str(signer.verifier)) == (SIGNER, VERIFIER)
    assert str(VerifierKey.parse(OTHER_VERIFIER)) == OTHER_VERIFIER


def test_open__published_note__gives_the_text() -> None:
    assert open_note(NOTE, [VerifierKey.parse(OTHER_VERIFIER), VerifierKey.parse(VERIFIER)]) == TEXT


def test_open__signatures_of_strangers_beside_a_known_one__are_ignored() -> None:
    stranger = SignerKey.generate("stranger").sign(TEXT).rpartition("\n\n")[2]
    assert open_note(f"{NOTE}{stranger}", [VerifierKey.parse(VERIFIER)]) == TEXT


@pytest.mark.parametrize(
    "note",
    [
        NOTE.replace("answer", "question"),
        NOTE.replace("x08go/ZJkuB", "x08go/ZJkuC"),
        NOTE.replace("\n\n", "\n"),
        NOTE.rstrip("\n"),
        NOTE.replace("— ", "- "),
        NOTE.replace("problem is.", "problem\tis."),
        TEXT + "\n",
        TEXT + "\n— PeterNeumann ====\n",
        "",
    ],
)
def test_open__note_that_is_not_what_was_signed__is_refused(note: str) -> None:
    with pytest.raises(InvalidInput):
        open_note(note, [VerifierKey.parse(VERIFIER)])


def test_open__only_strangers_signed__is_refused() -> None:
    with pytest.raises(InvalidInput, match="known keys"):
        open_note(NOTE, [VerifierKey.parse(OTHER_VERIFIER)])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PeterNeumann",
        VERIFIER.replace("c74f20a3", "c74f20a4"),
        VERIFIER[:-4],
        VERIFIER.replace("+AR", "+BB"),
        SIGNER,
    ],
)
def test_verifier_key__that_is_none__is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        VerifierKey.parse(text)


@pytest.mark.parametrize("text", ["", "PRIVATE+KEY", SIGNER.replace("Peter", "Paul"), SIGNER[:-4], VERIFIER])
def test_signer_key__that_is_none__is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        SignerKey.parse(text)


@pytest.mark.parametrize("name", ["", "two words", "one+two", "line\nbreak"])
def test_generate__name_that_no_key_can_have__is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        SignerKey.generate(name)


def test_signer_key__in_a_traceback__does_not_show_the_secret() -> None:
    assert SIGNER.rpartition("+")[2] not in repr(SignerKey.parse(SIGNER))


def test_tree_head__of_the_specification__survives_the_round_trip() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    head = TreeHead.parse(text)
    assert (head.origin, head.size, head.text) == ("example.com/behind-the-sofa", 20852163, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n1\n",
        "origin\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "origin\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n",
        "origin\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
    ],
)
def test_tree_head__text_that_is_no_checkpoint__is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        TreeHead.parse(text)
