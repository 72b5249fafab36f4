"""Who buys what and how it goes on: customers that follow from the seed alone."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random
from types import MappingProxyType
from typing import Any, Final

Json = dict[str, Any]

CERTIFICATES: Final = 0.1
COPIES: Final = (1, 1, 1, 1, 1, 1, 2, 2, 3)
"""Deliveries of each paying event: Stripe sends some twice, some three times."""

_FIRST, _REST = "BDFGHKLMNPRSTVWZ", "aeiou"
_SYLLABLES: Final = tuple(a.lower() + b for a in _FIRST for b in _REST)


class Course(StrEnum):
    """How an order goes from the payment on."""

    PAID = "paid"
    FREE = "free"
    DELAYED = "delayed payment"
    DELAYED_SWAPPED = "delayed payment, events swapped"
    NEVER_PAID = "payment failed"
    ORDER_LATE = "order stored late"
    REFUNDED_FIRST = "refunded before the webhook"
    REFUNDED_AT_ONCE = "refunded at once"
    REFUNDED_LATER = "refunded after delivery"
    PARTLY_REFUNDED = "partly refunded"
    DISPUTED_FIRST = "disputed before the webhook"
    DISPUTE_WON = "disputed, then won"
    PAID_TWICE = "paid twice"
    WRONG_AMOUNT = "wrong amount"


_WEIGHTS: Final = MappingProxyType(
    dict.fromkeys(Course, 1.0)
    | {Course.PAID: 72.0, Course.FREE: 5.0, Course.DELAYED: 5.0, Course.DELAYED_SWAPPED: 3.0}
    | {Course.REFUNDED_AT_ONCE: 2.0, Course.REFUNDED_LATER: 2.0, Course.REFUNDED_FIRST: 2.0}
)


@dataclass(frozen=True, slots=True)
class Story:
    """One customer. `mark` is a name found in this horse's prompt and result and nowhere else.

    `pause` in seconds lies between a payment and what follows it.
    """

    number: int
    kind: str
    course: Course
    copies: int
    pause: float
    horse: Json

    @property
    def mark(self) -> str:
        return name_of(self.number)

    @property
    def email(self) -> str:
        return f"kunde{self.number:06d}@example.test"

    @property
    def jobs(self) -> int:
        """Return how many jobs must come of it."""
        return {Course.NEVER_PAID: 0, Course.PAID_TWICE: 2}.get(self.course, 1)


def name_of(number: int) -> str:
    """Return a pedigree's name for a number: four syllables, the same number the same name."""
    parts = []
    for _ in range(4):
        number, part = divmod(number, len(_SYLLABLES))
        parts.append(_SYLLABLES[part])
    return "".join(parts).capitalize()


def make_stories(seed: int, jobs: int) -> tuple[Story, ...]:
    """Return customers until `jobs` jobs come of them."""
    rng = Random(f"stories|{seed}")
    stories: list[Story] = []
    owed = 0
    while owed < jobs:
        stories.append(_story(rng, len(stories)))
        owed += stories[-1].jobs
    return tuple(stories)


def _story(rng: Random, number: int) -> Story:
    course = rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
    return Story(
        number=number,
        kind="certificate" if rng.random() < CERTIFICATES else "valuation",
        course=course,
        copies=rng.choice(COPIES),
        pause=round(rng.uniform(0.0, 1.5), 2),
        horse=_horse(rng, name_of(number)),
    )


def _horse(rng: Random, mark: str) -> Json:
    return {
        "rasse": rng.choice(("Hannoveraner", "Holsteiner", "Westfale", "Trakehner", "Haflinger")),
        "alter": rng.randint(3, 18),
        "geschlecht": rng.choice(("Stute", "Wallach", "Hengst")),
        "stockmass": rng.randint(150, 178),
        "haupteignung": rng.choice(("Dressur", "Springen", "Vielseitigkeit", "Freizeit")),
        "ausbildung": rng.choice(("A", "L", "M")),
        "abstammung": f"{mark} x Weltmeyer",
        "aku": "",
        "erfolge": "",
        "standort": "30159 Hannover",
        "charakter": "",
        "besonderheiten": "",
        "land": rng.choice(("DE", "DE", "DE", "AT", "CH")),
    }
