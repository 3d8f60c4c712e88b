"""Cosignatures of witnesses (c2sp.org/tlog-cosignature, c2sp.org/tlog-witness): whose they are, and which hold."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from confidence_project.foundation.errors import InvalidInput
from ledger.transparency.notes import checked_name, decode_base64, signature_lines

_COSIGNATURE = b"\x04"
_TIME_LENGTH = 8


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """The public key of a witness (cosignature/v1), under its name."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + _COSIGNATURE + self.public_key).digest()[:4]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name+hex(key id)+base64(0x04 ‖ public key)`; raise `InvalidInput` if it is not that."""
        name, key_id, encoded = (*text.strip().split("+", 2), "", "")[:3]
        raw = decode_base64(encoded, 33)
        key = cls(checked_name(name), raw[1:])
        if raw[:1] != _COSIGNATURE or key_id != key.key_id.hex():
            raise InvalidInput("The key is not an Ed25519 key of a witness whose id fits its name.")
        return key

    def cosigned_at(self, text: str, blob: bytes) -> int | None:
        """Return the time (Unix seconds) that a cosignature of `text` states; None where it does not hold."""
        time = int.from_bytes(blob[4 : 4 + _TIME_LENGTH])
        message = f"cosignature/v1\ntime {time}\n{text}".encode()
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(blob[4 + _TIME_LENGTH :], message)
        except InvalidSignature:
            return None
        return time


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness that the log asks: its key, and the address that its paths begin with."""

    key: WitnessKey
    url: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `KEY URL`; raise `InvalidInput` if it is not that."""
        key, _, url = text.strip().partition(" ")
        if not url.startswith(("https://", "http://")):
            raise InvalidInput("A witness is its key, a blank, and its URL.")
        return cls(WitnessKey.parse(key), url.strip().rstrip("/"))


@dataclass(frozen=True, slots=True)
class WitnessPolicy:
    """Who may cosign, and how many of them have to."""

    keys: Sequence[WitnessKey] = ()
    needed: int = 0

    def cosigned_by(self, note: str) -> dict[str, int]:
        """Return the witnesses that cosigned a note, with the times that they state.

        Raises
        ------
        InvalidInput
            The note is malformed, or a cosignature of a known witness does not hold.
        """
        text, lines = signature_lines(note)
        found: dict[str, int] = {}
        for name, encoded in lines:
            blob = base64.b64decode(encoded + "===")
            key = next((each for each in self.keys if (each.name, each.key_id) == (name, blob[:4])), None)
            if key is None:
                continue
            at = key.cosigned_at(text, blob)
            if at is None:
                raise InvalidInput(f"The cosignature of {name} does not fit the note.")
            found[name] = at
        return found

    def missing(self, note: str) -> str:
        """Say what a note lacks of this policy, blank where nothing. Raises as `cosigned_by`."""
        found = self.cosigned_by(note)
        return f"{len(found)} of the {self.needed} witnesses that are needed cosigned it" * (len(found) < self.needed)
