"""Signed notes (c2sp.org/signed-note) with Ed25519, and checkpoints (c2sp.org/tlog-checkpoint). No Django inside."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from confidence_project.foundation.errors import InvalidInput

_ED25519 = b"\x01"
_KEY_NAME = re.compile(r"[^\s+]{1,200}")
_SIGNATURE_LINE = re.compile(r"— (?P<name>[^\s+]+) (?P<signature>[A-Za-z0-9+/]+={0,2})")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


def decode_base64(text: str, length: int) -> bytes:
    """Decode standard base64 of exactly `length` bytes; raise `InvalidInput` on anything else."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != length or base64.b64encode(decoded).decode() != text:
        raise InvalidInput(f"Expected the base64 form of {length} bytes.")
    return decoded


def _key_id(name: str, public_key: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public_key).digest()[:4]


def checked_name(name: str) -> str:
    """Return the name of a key; raise `InvalidInput` if no key can have it."""
    if not _KEY_NAME.fullmatch(name):
        raise InvalidInput("A key name has 1 to 200 characters and neither white space nor a plus sign.")
    return name


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public key of a log, under its name."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        return _key_id(self.name, self.public_key)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name+hex(key id)+base64(0x01 ‖ public key)`; raise `InvalidInput` if it is not that."""
        name, key_id, encoded = (*text.strip().split("+", 2), "", "")[:3]
        raw = decode_base64(encoded, 33)
        key = cls(checked_name(name), raw[1:])
        if raw[:1] != _ED25519 or key_id != key.key_id.hex():
            raise InvalidInput("The verifier key is not an Ed25519 key whose id fits its name.")
        return key

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public_key).decode()}"

    def verifies(self, text: str, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class SignerKey:
    """The private key of a log. Its text form is secret; `repr` does not show it."""

    name: str
    private_key: Ed25519PrivateKey

    @classmethod
    def generate(cls, name: str) -> Self:
        """Make a new key; raise `InvalidInput` if no key can have that name."""
        return cls(checked_name(name), Ed25519PrivateKey.generate())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `PRIVATE+KEY+name+hex(key id)+base64(0x01 ‖ seed)`; raise `InvalidInput` if it is not that."""
        marker, kind, name, key_id, encoded = (*text.strip().split("+", 4), "", "", "", "")[:5]
        raw = decode_base64(encoded, 33)
        key = cls(checked_name(name), Ed25519PrivateKey.from_private_bytes(raw[1:]))
        if (marker, kind, raw[:1]) != ("PRIVATE", "KEY", _ED25519) or key_id != key.verifier.key_id.hex():
            raise InvalidInput("The signing key is not an Ed25519 key whose id fits its name.")
        return key

    @property
    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, self.private_key.public_key().public_bytes_raw())

    def secret_text(self) -> str:
        """Return the text that `parse` reads. Whoever has it can sign in the log's name."""
        encoded = base64.b64encode(_ED25519 + self.private_key.private_bytes_raw()).decode()
        return f"PRIVATE+KEY+{self.name}+{self.verifier.key_id.hex()}+{encoded}"

    def sign(self, text: str) -> str:
        """Return `text`, which ends in a newline, as a signed note."""
        if not text.endswith("\n") or _CONTROL.search(text):
            raise InvalidInput("The text of a note ends in a newline and has no other control characters.")
        signature = self.verifier.key_id + self.private_key.sign(text.encode())
        return f"{text}\n— {self.name} {base64.b64encode(signature).decode()}\n"


def signature_lines(note: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the text that was signed, and name and base64 of each signature; raise `InvalidInput` for no note."""
    body, separator, tail = note.rpartition("\n\n")
    lines = tail.split("\n")
    if not separator or lines.pop() or not lines or _CONTROL.search(note):
        raise InvalidInput("This is not a signed note: text, blank line, signature lines.")
    matches = [_SIGNATURE_LINE.fullmatch(line) for line in lines]
    if None in matches:
        raise InvalidInput("This is not a signed note: a signature line is malformed.")
    return body + "\n", [(match["name"], match["signature"]) for match in matches if match]


def open_note(note: str, verifiers: Sequence[VerifierKey]) -> str:
    """Return the text of a note that one of `verifiers` signed.

    Signatures of other keys are ignored. A signature of a known key that does not fit refuses the whole note.

    Raises
    ------
    InvalidInput
        The note is malformed, nobody known signed it, or a known key's signature is wrong.
    """
    text, lines = signature_lines(note)
    known = {(key.name, key.key_id): key for key in verifiers}
    signed = False
    for name, encoded in lines:
        signature = base64.b64decode(encoded + "===")
        key = known.get((name, signature[:4]))
        if key is None:
            continue
        if not key.verifies(text, signature[4:]):
            raise InvalidInput(f"The signature of {key.name} does not fit the note.")
        signed = True
    if not signed:
        raise InvalidInput("None of the known keys has signed the note.")
    return text


@dataclass(frozen=True, slots=True)
class TreeHead:
    """What a checkpoint states: the log's origin, its size and its root."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text of a checkpoint note; extension lines are allowed and ignored."""
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not all(lines[:-1]) or not _SIZE.fullmatch(lines[1]):
            raise InvalidInput("This is not a checkpoint: origin, size and root, one a line.")
        return cls(lines[0], int(lines[1]), decode_base64(lines[2], 32))

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"
