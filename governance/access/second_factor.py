"""The optional second factor of a person: codes of an authenticator app (TOTP), and recovery codes beside them."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from confidence_project.foundation.errors import AlreadySo, InvalidInput, WrongState
from governance.access.permissions import Person, is_superuser

log = logging.getLogger(__name__)

RECOVERY_CODES = 10
ALREADY_ON = "There is a second factor already. Remove it first."
SHOWN_AT_PROVIDER = "second_factor_at_provider"
WRONG_CODE = "The code is not right, or was used already. Wait for the next one; after several wrong ones, longer."


def has_second_factor(person: Person) -> bool:
    """True when the person has confirmed an authenticator."""
    return bool(TOTPDevice.objects.filter(user_id=person.pk, confirmed=True).exists())


def shown_at_provider(request: HttpRequest) -> bool:
    """True when the company's provider, which opened this session, said that it had asked for a second factor."""
    return bool(request.session.get(SHOWN_AT_PROVIDER))


def needs_second_factor(person: Person) -> bool:
    """True when a password is not enough: the person has a second factor, or the setting demands one of them."""
    return has_second_factor(person) or (settings.CONFIDENCE_REQUIRE_SECOND_FACTOR and is_superuser(person))


def begin_enrolment(*, person: Person) -> TOTPDevice:
    """Make a new secret that still has to be confirmed; one that was made before is void.

    Raises
    ------
    Conflict
        The person has a second factor already.
    """
    if has_second_factor(person):
        raise AlreadySo(ALREADY_ON)
    with transaction.atomic():
        TOTPDevice.objects.filter(user_id=person.pk, confirmed=False).delete()
        return TOTPDevice.objects.create(user_id=person.pk, name="authenticator", confirmed=False)


def enrolment_of(person: Person) -> TOTPDevice | None:
    """Return the secret that the person has still to confirm."""
    return TOTPDevice.objects.filter(user_id=person.pk, confirmed=False).order_by("-pk").first()


def confirm_enrolment(*, person: Person, code: str) -> tuple[TOTPDevice, list[str]]:
    """Switch the second factor on; return the authenticator, and recovery codes to be shown once.

    Raises
    ------
    InvalidInput
        The code is not one of the new authenticator.
    Conflict
        Nothing waits to be confirmed, or there is a second factor already.
    """
    if has_second_factor(person):
        raise AlreadySo(ALREADY_ON)
    with transaction.atomic():
        pending = TOTPDevice.objects.filter(user_id=person.pk, confirmed=False)
        device = pending.select_for_update().order_by("-pk").first()
        if device is None:
            raise WrongState("Nothing waits to be confirmed. Begin again.")
        is_right = device.verify_token(code)
        if is_right:
            device.confirmed = True
            device.save(update_fields=["confirmed"])
            codes = _new_recovery_codes(person)
    # After the transaction, which keeps count of wrong codes.
    if not is_right:
        raise InvalidInput(WRONG_CODE)
    log.info("second factor of %s switched on", person.get_username())
    return device, codes


def verify_code(*, person: Person, code: str) -> Device:
    """Return the device that a code belongs to; six digits are the authenticator's, anything else a recovery code.

    Raises
    ------
    InvalidInput
        The code is wrong or used, or there were so many wrong ones that none is looked at for a while.
    """
    code = "".join(code.split()).lower()
    # Never one after the other: a try at one would count as a failure of the other.
    model = TOTPDevice if code.isdigit() else StaticDevice
    with transaction.atomic():
        devices = model.objects.filter(user_id=person.pk, confirmed=True)
        device = devices.select_for_update().order_by("pk").first()
        is_right = device is not None and device.verify_token(code)
    if device is None or not is_right:
        raise InvalidInput(WRONG_CODE)
    return device


def renew_recovery_codes(*, person: Person, code: str) -> list[str]:
    """Return new recovery codes in place of the old; raises as `verify_code`."""
    verify_code(person=person, code=code)
    with transaction.atomic():
        return _new_recovery_codes(person)


def switch_off(*, person: Person, code: str) -> None:
    """Remove the person's second factor, whole; raises as `verify_code`."""
    verify_code(person=person, code=code)
    remove_second_factor(person=person)


def remove_second_factor(*, person: Person) -> bool:
    """Remove what a person has lost, without a code; False when there was none. For the operator's command."""
    with transaction.atomic():
        StaticDevice.objects.filter(user_id=person.pk).delete()
        removed, _ = TOTPDevice.objects.filter(user_id=person.pk).delete()
    log.info("second factor of %s removed", person.get_username())
    return bool(removed)


def _new_recovery_codes(person: Person) -> list[str]:
    StaticDevice.objects.filter(user_id=person.pk).delete()
    device = StaticDevice.objects.create(user_id=person.pk, name="recovery codes")
    tokens = [StaticToken(device=device, token=StaticToken.random_token()) for _ in range(RECOVERY_CODES)]
    return [token.token for token in StaticToken.objects.bulk_create(tokens)]
