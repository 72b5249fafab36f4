"""Noticing that a text names another price than the one it is sold with."""

import re
from typing import Final

from domain.acceptance import prices
from domain.acceptance.layout import Layout, Role
from domain.acceptance.text import plain, sentences

_FAR: Final = 1.5
"""A bound that far away is another price; historic reports rounded by ten or fifteen percent."""

_TARGET_BELOW: Final = 0.8
_TARGET_ABOVE: Final = 1.25

_LABEL: Final = re.compile(
    r"\bunter(?:e[rn]? (?:preis)?)?grenze\b|\bober(?:grenze\b)|\bobere[rn]? (?:preis)?grenze\b"
    r"|\bzielpreis\b",
    re.IGNORECASE,
)
_SPAN: Final = re.compile(
    r"\b(?:\w{0,12}(?:spanne|rahmen|korridor)|(?:markt|verkaufs|schätz|ziel)?(?:wert|preis))e?s?\b",
    re.IGNORECASE,
)
_CONDITIONAL: Final = re.compile(
    r"wäre|könnt|würd|hätt|vergleich|ähnlich|sobald|falls|wenn|künftig|später|möglich|erreich"
    r"|steig|ohne|\bnach\b|\bmit\b|fohlen|kost",
    re.IGNORECASE,
)


def contradicts_analysis(layout: Layout, low: int, high: int, currency: str | None) -> bool:
    """Say whether the market section labels a bound or a target far off the headline range."""
    for section in layout.sections:
        if section.role is Role.MARKET:
            text = plain(section.body)
            stated = prices.labelled(text, _LABEL, currency)
            return any(_is_off(label.lower(), amount, low, high) for label, amount in stated)
    return False


def contradicts_conclusion(conclusion: str, low: int, high: int) -> bool:
    """Say whether a certificate's conclusion names a range in euro far off its prices."""
    for sentence in sentences(conclusion):
        if _CONDITIONAL.search(sentence.partition("entspr")[0]):
            continue
        for stated in prices.ranges(sentence):
            if stated.currency == "EUR" and _SPAN.search(sentence, 0, stated.start):
                apart = stated.low > high or stated.high < low
                return apart or _is_far(stated.low, low) or _is_far(stated.high, high)
    return False


def _is_off(label: str, amount: int, low: int, high: int) -> bool:
    if label == "zielpreis":
        return not low * _TARGET_BELOW <= amount <= high * _TARGET_ABOVE
    return _is_far(amount, low if label.startswith("unter") else high)


def _is_far(one: int, other: int) -> bool:
    return max(one, other) > _FAR * max(1, min(one, other))
