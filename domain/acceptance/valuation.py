"""Judging a valuation: a German markdown report with a price in its headline."""

import re
from collections.abc import Iterator
from typing import Final

from domain.acceptance import agreement, closing, damage, headline, language, prices, tone
from domain.acceptance.dictation import is_dictated
from domain.acceptance.layout import Layout, lay_out
from domain.acceptance.prices import Price
from domain.acceptance.reading import Reading, read
from domain.acceptance.text import (
    blocks,
    is_gibberish,
    plain,
    sentences,
    strip_edges,
    unify,
    unreadable,
    words,
)
from domain.acceptance.topic import mentions_horses
from domain.acceptance.verdict import Accepted, Rejected, Verdict
from domain.order import Country, Horse

MIN_LENGTH: Final = 900
"""Characters. Six headings with one or two sentences each make about 1,200; skeletons have less."""

_GREETING: Final = re.compile(
    r"\W*(?:gerne?\b|natürlich|selbstverständlich|hallo|moin|servus|grüezi|grüß|guten (?:tag"
    r"|morgen|abend)|sehr geehrte|liebe[rs]?\b|vielen dank|danke|herzlichen dank|hier (?:ist|sind"
    r"|finden|folgt|kommt|die|eine?\b)|im folgenden|nachfolgend|nachstehend|anbei|klar\b"
    r"|alles klar|okay|ok\b|absolut|verstanden|willkommen|basierend auf|auf (?:basis"
    r"|grundlage) (?:der|ihrer)|sure|certainly|of course|here\b)",
    re.IGNORECASE,
)
_SALUTATION: Final = re.compile(
    r"\W*(?:gerne?|natürlich|selbstverständlich|klar|okay|ok|absolut|verstanden)\b ?[,.!:]"
    r"|\W*(?:hallo|guten (?:tag|morgen|abend)|sehr geehrte|liebe[rs]? (?:kund|pferde)"
    r"|(?:vielen )?dank|hier (?:ist|kommt|folgt|finden)\b"
    r"|(?:im folgenden|nachfolgend|anbei) (?:finden|erhalten)\b)"
    r"|\W*als [\w -]{3,40} habe ich\b",
    re.IGNORECASE,
)
_ADDRESSING: Final = re.compile(
    r"\b(?:ich|mir|mein\w{0,2}|wir|uns|ihre?[mnrs]?|ihnen|sie|folgende\w?)\b", re.IGNORECASE
)
_FIELD: Final = re.compile(
    r"\W*(?:rasse|alter|geschlecht|abstammung|stockma(?:ß|ss)|ausbildung\w*|haupteignung|standort"
    r"|land|aku|charakter|aktueller standort|gesundheit\w*|erfolge|besonderheiten|disziplin"
    r"|verwendungszweck)\b[^:\n]{0,40}:",
    re.IGNORECASE,
)
_MAX_FIELDS: Final = 3
_TITLE: Final = 90
_SENTENCE_MARKS: Final = (".", "!", "?", ":", ",")


def judge_valuation(horse: Horse, text: str) -> Verdict:
    """Accept the text or name every reason against it. Linear in the length of the text."""
    stripped = strip_edges(text)
    if unfit := unreadable(stripped):
        return Rejected((unfit,))
    reading = read(unify(stripped))
    if is_gibberish(reading.plain):
        return Rejected(("gibberish",))
    layout = lay_out(reading.text)
    price = headline.find(layout)
    reasons = list(_faults(reading, layout, horse))
    if price is None:
        reasons.append("no_price")
    else:
        reasons += _price_faults(price, layout, horse)
    if reasons or price is None:
        return Rejected(tuple(dict.fromkeys(reasons)))
    return Accepted(stripped, price.low, price.high, price.currency or "EUR")


def _price_faults(price: Price, layout: Layout, horse: Horse) -> Iterator[str]:
    """Francs alone are for horses sold in Switzerland."""
    if price.currency == "other" or (price.currency == "CHF" and horse.country is not Country.CH):
        yield "foreign_currency"
        return
    if price.low == price.high:
        yield "no_price"
    yield from prices.faults(price.low, price.high, horse.height_cm)
    if is_dictated(horse, price.low, price.high):
        yield "followed_injection"
    if agreement.contradicts_analysis(layout, price.low, price.high, price.currency):
        yield "price_contradiction"


def _faults(reading: Reading, layout: Layout, horse: Horse) -> Iterator[str]:
    if len(reading.text) < MIN_LENGTH:
        yield "too_short"
    yield from damage.code_faults(reading)
    yield from damage.faults(reading)
    yield from language.faults(reading, _given(horse))
    yield from layout.reasons
    yield from closing.faults(reading.text, layout.sections)
    yield from tone.faults(reading)
    if _chats_after_closing(layout):
        yield "meta_talk"
    if any(_is_chatty(line, horse.breed) for line in blocks(layout.preamble)) or _greets_inside(
        layout
    ):
        yield "chatty_prefix"
    if sum(bool(_FIELD.match(line)) for line in layout.preamble.split("\n")) > _MAX_FIELDS:
        yield "prompt_leak"
    if not mentions_horses(reading.plain, horse.breed, times=3):
        yield "off_topic"


def _given(horse: Horse) -> str:
    return " ".join(str(value) for value in horse.model_dump().values())


def _is_chatty(block: str, breed: str) -> bool:
    """A title, a rule or the headline price may precede the first heading; talk may not."""
    line = plain(block).strip(" #")
    if not words(line):
        return False
    if _GREETING.match(line):
        return True
    if "€" in line or "EUR" in line or "CHF" in line:
        return False
    if not line.endswith(_SENTENCE_MARKS) and len(line) <= _TITLE:
        return False
    about_the_horse = mentions_horses(plain(line), breed, times=1) and line.endswith(".")
    return bool(_ADDRESSING.search(line)) or not about_the_horse


def _chats_after_closing(layout: Layout) -> bool:
    """Behind the reservation nobody speaks of himself and nobody is asked anything."""
    told = sentences(layout.sections[-1].body) if layout.sections else []
    last = max(
        (n for n, sentence in enumerate(told) if closing.is_reservation(sentence)), default=-1
    )
    behind = told[last + 1 :] if last >= 0 else []
    return any(
        sentence.rstrip(" \"')").endswith("?") or tone.speaks(sentence) for sentence in behind
    )


def _greets_inside(layout: Layout) -> bool:
    first = " ".join(sentences(layout.sections[0].body)[:2]) if layout.sections else ""
    return bool(_SALUTATION.match(first)) and bool(_ADDRESSING.search(first))
