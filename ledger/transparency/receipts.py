"""COSE receipts (RFC 9942) as SCITT has them (RFC 9943): that an entry is in the tree, signed by the log. No Django."""

from __future__ import annotations

import cbor2

from ledger.transparency.notes import SignerKey, TreeHead
from ledger.transparency.proofs import InclusionProof

MEDIA_TYPE = "application/scitt-receipt+cose"

_SIGN1 = 18  # the tag of COSE_Sign1
_ALGORITHM, _KEY_ID, _CWT_CLAIMS = 1, 4, 15
_EDDSA = -8
_ISSUER, _SUBJECT = 1, 2
_DATA_STRUCTURE, _PROOFS = 395, 396
_RFC9162_SHA256 = 1
_INCLUSION = -1


def cose_receipt(proof: InclusionProof, head: TreeHead, signer: SignerKey, *, subject: str) -> bytes:
    """Return the receipt of the entry that `proof` is about: the same for the same tree, as Ed25519 draws no lots.

    Parameters
    ----------
    head
        The signed tree that the proof leads to. Its root is the payload, and detached: who checks computes it.
    subject
        What the entry is about, a URI.
    """
    protected = cbor2.dumps(
        {
            _ALGORITHM: _EDDSA,
            _KEY_ID: signer.verifier.key_id,
            _CWT_CLAIMS: {_ISSUER: signer.name, _SUBJECT: subject},
            _DATA_STRUCTURE: _RFC9162_SHA256,
        },
        canonical=True,
    )
    signed = cbor2.dumps(["Signature1", protected, b"", head.root])
    inclusion = cbor2.dumps([head.size, proof.index, list(proof.path)])
    unprotected = {_PROOFS: {_INCLUSION: [inclusion]}}
    return cbor2.dumps(cbor2.CBORTag(_SIGN1, [protected, unprotected, None, signer.private_key.sign(signed)]))
