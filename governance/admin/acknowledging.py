"""The box that whoever takes a step ticks where nothing bears a loosening out."""

from __future__ import annotations

from django import forms

BOX = "acknowledge_uncertified"
"""Name of the field, and of the argument of the services."""


def acknowledgement() -> forms.BooleanField:
    """Return the field; the page takes it away where there is nothing to acknowledge."""
    return forms.BooleanField(
        required=False,
        label="I have seen that no evidence bears this loosening out: calibration promises nothing of it.",
    )
