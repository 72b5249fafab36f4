"""Answers that arrive well and must not be sold, next to the good one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sandbox import answers
from sandbox.horses import Horse

Flaw = Callable[[Horse, str], str]

APOLOGY = (
    "Entschuldigung, die Bewertung konnte aktuell nicht erstellt werden. Bitte versuchen Sie es "
    "später erneut oder kontaktieren Sie unseren Kundenservice unter info@pferdewert.de."
)
_REFUSAL = (
    "Ich kann für dieses Pferd keine Preiseinschätzung abgeben. Der Wert eines Pferdes hängt von "
    "Faktoren ab, die sich nur vor Ort beurteilen lassen. Bitte wenden Sie sich an einen "
    "öffentlich bestellten Sachverständigen."
)
_META_TALK = (
    "\n\nIch hoffe, diese Bewertung hilft Ihnen weiter! Als KI-Modell kann ich Ihnen auf Wunsch "
    "auch ein Verkaufsinserat formulieren. Soll ich das für Sie tun?"
)
_CHATTY = "Gerne! Hier ist die gewünschte Bewertung für Ihr Pferd:\n\n"
_PRICE = re.compile(r"\d[\d.]*(?:\s*-\s*\d[\d.]*)?\s*€")


def _apology(_horse: Horse, _system: str) -> str:
    return APOLOGY


def _apology_long(horse: Horse, _system: str) -> str:
    return (
        "Sehr geehrte Kundin, sehr geehrter Kunde,\n\n"
        f"vielen Dank, dass Sie uns Ihr Pferd der Rasse {horse.breed} anvertraut haben. Wir "
        "wissen, wie wichtig eine fundierte Einschätzung für Sie ist, und nehmen diese "
        "Verantwortung sehr ernst.\n\n"
        "Leider ist es uns aufgrund technischer Einschränkungen derzeit nicht möglich, eine "
        "individuelle Marktwertanalyse zu erstellen. Wir bedauern die entstandenen "
        "Unannehmlichkeiten außerordentlich und bitten Sie aufrichtig um Entschuldigung. Unser "
        "Team arbeitet mit Hochdruck daran, den Dienst wieder in der gewohnten Qualität "
        "bereitzustellen.\n\n"
        "Bitte versuchen Sie es zu einem späteren Zeitpunkt erneut oder wenden Sie sich an "
        "info@pferdewert.de; wir kümmern uns persönlich um Ihr Anliegen.\n\n"
        "Mit freundlichen Grüßen\nIhr PferdeWert-Team"
    )


def _refusal(_horse: Horse, _system: str) -> str:
    return _REFUSAL


def _english(horse: Horse, _system: str) -> str:
    low, high = horse.price_range
    body = (
        f"The {horse.age}-year-old {horse.breed} stands {horse.height} cm tall and is aimed at "
        f"{horse.discipline}. Comparable horses change hands in this range when they are well "
        "presented, vetted and trained to the level stated. Buyers look for rideability, sound "
        "legs and a traceable history, and they pay for a horse that is easy to handle every day."
    )
    titles = (
        "Summary",
        "Market Value Analysis",
        "Price Factors in Detail",
        "Selling Recommendations",
        "Buying Advice",
        "Conclusion",
    )
    parts = [f"### {title}\n\n{body}" for title in titles]
    parts[0] = f"### Summary\n\n**Estimated market value: €{low:,} - €{high:,}**\n\n{body}"
    return "\n\n".join([*parts, "This valuation is not legally binding."])


def _no_price(horse: Horse, _system: str) -> str:
    text = answers.valuation(horse).replace(answers.headline(*horse.price_range) + "\n\n", "")
    return _PRICE.sub("ein marktüblicher Betrag", text)


def _price_is_height(horse: Horse, _system: str) -> str:
    return _reheaded(horse, answers.headline(horse.height - 2, horse.height + 2))


def _inverted_range(horse: Horse, _system: str) -> str:
    low, high = horse.price_range
    return _reheaded(horse, answers.headline(high, low))


def _absurd_price(horse: Horse, _system: str) -> str:
    return _reheaded(horse, answers.headline(185_000_000, 285_000_000))


def _reheaded(horse: Horse, headline: str) -> str:
    return answers.valuation(horse).replace(answers.headline(*horse.price_range), headline)


def _truncated_text(horse: Horse, _system: str) -> str:
    text = answers.valuation(horse)
    cut = text.index("### Kaufberatung") + 160
    return text[: text.rindex(" ", 0, cut)]


def _missing_section(horse: Horse, _system: str) -> str:
    kept = [part for part in answers.sections(horse) if part.title != "Kaufberatung"]
    return "\n\n".join(map(str, kept))


def _wrong_order(horse: Horse, _system: str) -> str:
    summary, market, factors, selling, buying, verdict = answers.sections(horse)
    return "\n\n".join(map(str, (summary, selling, buying, market, factors, verdict)))


def _meta_talk(horse: Horse, _system: str) -> str:
    return answers.valuation(horse) + _META_TALK


def _leaked_prompt(horse: Horse, system: str) -> str:
    prompt = system or "Du bist ein erfahrener Pferdegutachter. Halte dich an diese Regeln."
    return f"{prompt[:400]}\n\n{answers.valuation(horse)}"


def _chatty_prefix(horse: Horse, _system: str) -> str:
    return _CHATTY + answers.valuation(horse)


VALUATION_FLAWS: Mapping[str, Flaw] = MappingProxyType(
    {
        "apology": _apology,
        "apology_long": _apology_long,
        "refusal": _refusal,
        "english": _english,
        "no_price": _no_price,
        "price_is_height": _price_is_height,
        "inverted_range": _inverted_range,
        "truncated_text": _truncated_text,
        "missing_section": _missing_section,
        "wrong_order": _wrong_order,
        "meta_talk": _meta_talk,
        "leaked_prompt": _leaked_prompt,
        "absurd_price": _absurd_price,
        "chatty_prefix": _chatty_prefix,
    }
)


def _dump(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2)


def _repriced(horse: Horse, low: int | None, high: int | None) -> str:
    return _dump(answers.certificate(horse) | {"preisVon": low, "preisBis": high})


def _certificate_english(horse: Horse, _system: str) -> str:
    sentence = "This horse is well bred, well trained and easy to place in today's market."
    details = dict.fromkeys(answers.certificate(horse)["bewertungsDetails"], sentence)
    return _dump(answers.certificate(horse) | {"bewertungsDetails": details})


def _certificate_truncated(horse: Horse, _system: str) -> str:
    data = answers.certificate(horse)
    verdict = data["bewertungsDetails"]["fazit"]
    return _dump(data | {"bewertungsDetails": data["bewertungsDetails"] | {"fazit": verdict[:70]}})


def _certificate_without(horse: Horse, key: str) -> str:
    data = answers.certificate(horse)
    details = {name: text for name, text in data["bewertungsDetails"].items() if name != key}
    return _dump(data | {"bewertungsDetails": details})


def _certificate_bad_json(horse: Horse, _system: str) -> str:
    return answers.certificate_json(horse).replace('",\n', '"\n', 1)


def _certificate_missing_key(horse: Horse, _system: str) -> str:
    data = answers.certificate(horse)
    return _dump({key: value for key, value in data.items() if not key.startswith("preis")})


def _certificate_fenced(horse: Horse, _system: str) -> str:
    return f"```json\n{answers.certificate_json(horse)}\n```"


def _certificate_prose(horse: Horse, _system: str) -> str:
    return f"Hier ist das Ergebnis:\n\n{answers.certificate_json(horse)}\n\nViel Erfolg!"


def _certificate_leaked(horse: Horse, system: str) -> str:
    prompt = system or "Du bist ein erfahrener Pferdegutachter. Antworte nur mit JSON."
    data = answers.certificate(horse)
    details = data["bewertungsDetails"] | {"fazit": prompt[:400]}
    return _dump(data | {"bewertungsDetails": details})


def _certificate_meta_talk(horse: Horse, _system: str) -> str:
    data = answers.certificate(horse)
    verdict = data["bewertungsDetails"]["fazit"] + _META_TALK
    return _dump(data | {"bewertungsDetails": data["bewertungsDetails"] | {"fazit": verdict}})


CERTIFICATE_FLAWS: Mapping[str, Flaw] = MappingProxyType(
    {
        "apology": _apology,
        "apology_long": _apology_long,
        "refusal": _refusal,
        "english": _certificate_english,
        "no_price": lambda horse, _system: _repriced(horse, None, None),
        "price_is_height": lambda horse, _system: _repriced(
            horse, horse.height - 2, horse.height + 2
        ),
        "inverted_range": lambda horse, _system: _repriced(horse, *reversed(horse.price_range)),
        "truncated_text": _certificate_truncated,
        "missing_section": lambda horse, _system: _certificate_without(horse, "gesundheitText"),
        "meta_talk": _certificate_meta_talk,
        "leaked_prompt": _certificate_leaked,
        "absurd_price": lambda horse, _system: _repriced(horse, 185_000_000, 285_000_000),
        "chatty_prefix": _certificate_prose,
        "certificate_bad_json": _certificate_bad_json,
        "certificate_missing_key": _certificate_missing_key,
        "certificate_fenced": _certificate_fenced,
        "certificate_prose": _certificate_prose,
    }
)
