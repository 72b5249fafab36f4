"""Noticing a price that the customer ordered instead of one that was estimated."""

import re
from typing import Final

from domain.acceptance.text import unify
from domain.order import Horse

_COMMAND: Final = re.compile(
    r"\b(?:ignorier\w{0,3}|vergiss|bewerte\b|schreibe?\b|setze?\b|nenne\b|gib\b|antworte\b"
    r"|ignore\b|anweisung\w{0,2}|system-?prompt)",
    re.IGNORECASE,
)
_AMOUNT: Final = re.compile(r"\d{1,3}(?:[.,' ]\d{3}){1,3}(?!\d)|\d{3,8}")


def is_dictated(horse: Horse, low: int, high: int) -> bool:
    """Say whether the customer's words command and name one of the bounds.

    Naming a price is no fault: people write what they paid. It takes an order to the valuer too.
    """
    for field in (horse.remarks, horse.character, horse.achievements, horse.vet_check, horse.name):
        words = unify(field)
        if _COMMAND.search(words) and {low, high} & set(_amounts(words)):
            return True
    return False


def _amounts(text: str) -> list[int]:
    return [int(re.sub(r"\D", "", match[0])) for match in _AMOUNT.finditer(text)]
