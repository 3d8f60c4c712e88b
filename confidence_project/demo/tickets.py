"""The second act's decisions: tickets, of which it is known whether the customer wants money back."""

from __future__ import annotations

import random
from dataclasses import dataclass

SEED = 20_260_101
HELD_BACK = 60

_REFUND = (
    "I was charged twice for {}, please give me my money back.",
    "I want a refund for {}.",
    "Please return the money that I paid for {}.",
    "You never sent {}, I would like my money back.",
    "Cancel my order of {} and refund the payment.",
    "You billed me for {} by mistake; send the money back.",
)
_OTHER = (
    "How do I change the password of my account for {}?",
    "When will {} be delivered?",
    "The app crashes when I open {}.",
    "I would like to buy two more of {}.",
    "Can I change the delivery address for {}?",
    "Thank you, {} works very well.",
    "Where do I find the invoice for {}?",
    "Does {} come in another colour?",
)
_THINGS = (
    "the headphones", "my subscription", "the blue jacket", "the ticket to Bern", "the lamp", "order 4711",
    "the coffee machine", "a gift card", "the phone case", "the course", "the garden chair", "my membership",
    "the running shoes", "the printer", "the cook book", "the window blinds", "the bicycle pump", "the concert ticket",
    "the rain coat", "the desk", "the kettle", "the backpack", "the keyboard", "the monthly plan", "the sofa",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a customer wrote, and what they want."""

    number: int
    text: str
    wants_money: bool


def read_tickets() -> tuple[list[Ticket], list[Ticket]]:
    """Return the tickets of the pilot and the held-back ones, in random order with a fixed seed."""
    written = [(each, True) for each in _REFUND] + [(each, False) for each in _OTHER]
    texts = [(sentence.format(thing), wants) for sentence, wants in written for thing in _THINGS]
    random.Random(SEED).shuffle(texts)  # noqa: S311 - the same order every time
    tickets = [Ticket(number, text, wants) for number, (text, wants) in enumerate(texts)]
    return tickets[HELD_BACK:], tickets[:HELD_BACK]
