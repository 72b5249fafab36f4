"""Judging a certificate: one JSON object in the site's `zertifikat_data` shape."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from domain.acceptance import agreement, damage, language, prices, tone
from domain.acceptance.closing import is_cut
from domain.acceptance.dictation import is_dictated
from domain.acceptance.embedded_json import Truncated, find_objects
from domain.acceptance.reading import read
from domain.acceptance.text import is_gibberish, plain, strip_edges, unify, unreadable, words
from domain.acceptance.topic import mentions_horses
from domain.acceptance.verdict import Accepted, Rejected, Verdict
from domain.order import Horse

MIN_TEXT: Final = 40
"""Characters. Two to three sentences are asked for; one short sentence has about as many."""

MIN_CONCLUSION: Final = 80
"""Characters of `fazit`: three to four sentences are asked for, and a cut one may end well."""

MAX_TEXT: Final = 4000
MAX_DISCIPLINE: Final = 160

_MARKDOWN: Final = re.compile(
    r"\*\*[^*\s][^*\n]*\*\*|(?<![\w*])\*[^*\s][^*\n]{2,}\*(?![\w*])|__[^_\n]+__|^\s*#{1,6}\s"
    r"|^\s*[-*+\u2022]\s|^\s*\d{1,2}[.)]\s+\S|`|\]\(|^\s*\|.*\|\s*$|^\s*>\s",
    re.MULTILINE,
)
_CLASS_STARS: Final = re.compile(r"(\b[EALMS]|\bCCI\d?|\bCSI|\bCDI)\*{1,5}")
_SCHEMA_ECHO: Final = re.compile(
    r"\b\d\s?(?:-|bis)\s?\d sätze\b|^(?:string|text|str)$|in wenigen worten|^(?:k\. ?a\.?|n/a"
    r"|keine angaben?|unbekannt|-+)$"
)
_SHAM: Final = re.compile(r"\b(?:beispiel|fiktiv|platzhalter|muster(?!gültig))", re.IGNORECASE)


class CertificateDetails(BaseModel):
    """The five texts of a certificate: plain German sentences, no markdown."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    rasse_text: str = Field(alias="rasseText", description="2 bis 3 Sätze zu Rasse und Markt")
    abstammung_text: str = Field(alias="abstammungText", description="2 bis 3 Sätze zur Abstammung")
    ausbildung_text: str = Field(
        alias="ausbildungText", description="2 bis 3 Sätze zu Ausbildung und Erfolgen"
    )
    gesundheit_text: str = Field(
        alias="gesundheitText", description="2 bis 3 Sätze zu Gesundheit und Alter"
    )
    fazit: str = Field(description="3 bis 4 Sätze mit Begründung der Preisspanne")


class Certificate(BaseModel):
    """`zertifikat_data` as the site reads it. Prices are whole euro."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    preis_von: int = Field(alias="preisVon", description="Untere Preisgrenze in ganzen Euro")
    preis_bis: int = Field(alias="preisBis", description="Obere Preisgrenze in ganzen Euro")
    haupteignung: str = Field(description="Eignung in wenigen Worten")
    bewertungs_details: CertificateDetails = Field(alias="bewertungsDetails")

    @field_validator("preis_von", "preis_bis", mode="before")
    @classmethod
    def _whole_euro(cls, value: object) -> int:
        return _euro(value)


def certificate_schema() -> dict[str, Any]:
    """Return the JSON schema for structured output: all required, nothing else, no references."""
    schema = Certificate.model_json_schema()
    details = schema.pop("$defs")[CertificateDetails.__name__]
    schema["properties"]["bewertungsDetails"] = details
    return schema


def judge_certificate(horse: Horse, text: str) -> Verdict:
    """Accept the one object in the text or name every reason against it.

    Text around the object and unknown keys are dropped; what is stored is the object alone.
    """
    stripped = strip_edges(text)
    if unfit := unreadable(stripped):
        return Rejected((unfit,))
    if is_gibberish(plain(unify(stripped))):
        return Rejected(("gibberish",))
    try:
        certificate = _read(stripped)
    except _NotACertificate as fault:
        return Rejected(fault.reasons)
    if reasons := tuple(dict.fromkeys(_faults(certificate, horse))):
        return Rejected(reasons)
    data = certificate.model_dump(by_alias=True)
    return Accepted(stripped, certificate.preis_von, certificate.preis_bis, "EUR", data)


class _NotACertificate(Exception):  # noqa: N818 - reads as the sentence it is
    def __init__(self, *reasons: str) -> None:
        super().__init__(*reasons)
        self.reasons = reasons


def _read(stripped: str) -> Certificate:
    found = find_objects(stripped, wanted="preisVon")
    if isinstance(found, Truncated):
        raise _NotACertificate("truncated")
    if found is None:
        raise _NotACertificate("no_json", *tone.faults(read(unify(stripped))))
    known = [_known(value) for value in found.objects]
    if any(other != known[-1] for other in known if len(other) == len(Certificate.model_fields)):
        raise _NotACertificate("conflicting_objects")
    if reasons := tuple(_faults_around(unify(found.around))):
        raise _NotACertificate(*reasons)
    try:
        return Certificate.model_validate(known[-1])
    except ValidationError as error:
        raise _NotACertificate(*_shape_faults(error)) from None


def _faults_around(text: str) -> Iterator[str]:
    """A greeting around the object is dropped; a text that takes the object back is believed."""
    told = text.rpartition("</think>")[2]
    yield from (fault for fault in tone.faults(read(told)) if fault in {"refusal", "apology"})
    if _SHAM.search(told):
        yield "placeholder"


def _known(found: Mapping[str, Any]) -> dict[str, Any]:
    known = _only(Certificate, found)
    details = known.get("bewertungsDetails")
    if isinstance(details, Mapping):
        known["bewertungsDetails"] = _only(CertificateDetails, details)
    return known


def _only(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.alias or name for name, field in model.model_fields.items()}
    return {name: values[name] for name in values if name in names}


def _euro(value: object) -> int:
    """Read whole euro from 18000, 18000.0, "18000" or "18.000 €"; raises ValueError otherwise."""
    if isinstance(value, str):
        read = prices.single_amount(unify(value))
        if read is None or read[1] not in (None, "EUR"):
            raise ValueError("no single amount in euro")
        return read[0]
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise ValueError("no whole number")
    return int(value)


def _shape_faults(error: ValidationError) -> tuple[str, ...]:
    reasons = []
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        is_price = fault["loc"][0] in {"preisVon", "preisBis"}
        missing = fault["type"] == "missing"
        reasons.append("no_price" if is_price else "missing_field" if missing else "wrong_type")
    return tuple(dict.fromkeys(reasons))


def _faults(certificate: Certificate, horse: Horse) -> Iterator[str]:
    yield from prices.faults(certificate.preis_von, certificate.preis_bis, horse.height_cm)
    if is_dictated(horse, certificate.preis_von, certificate.preis_bis):
        yield "followed_injection"
    yield from _discipline_faults(unify(certificate.haupteignung))
    texts = [unify(text) for text in certificate.bewertungs_details.model_dump().values()]
    for text in texts:
        yield from _text_faults(text)
    if len(certificate.bewertungs_details.fazit) < MIN_CONCLUSION:
        yield "text_too_short"
    whole = read("\n\n".join(texts))
    given = " ".join(str(value) for value in horse.model_dump().values())
    yield from damage.faults(whole)
    yield from language.faults(whole, given)
    yield from tone.faults(whole)
    bounds = certificate.preis_von, certificate.preis_bis
    if agreement.contradicts_conclusion(texts[-1], *bounds):
        yield "price_contradiction"
    if len({text.lower() for text in texts}) < len(texts):
        yield "repetition"
    if not mentions_horses(whole.plain, horse.breed, times=1):
        yield "off_topic"


def _discipline_faults(discipline: str) -> Iterator[str]:
    if not words(discipline):
        yield "empty_field"
    if len(discipline) > MAX_DISCIPLINE or _SCHEMA_ECHO.search(discipline.lower()):
        yield "placeholder"
    if _MARKDOWN.search(_CLASS_STARS.sub(r"\1", discipline)):
        yield "markdown_inside"
    yield from damage.faults(read(discipline))


def _text_faults(text: str) -> Iterator[str]:
    if len(text) < MIN_TEXT:
        yield "text_too_short"
    if len(text) > MAX_TEXT:
        yield "text_too_long"
    if _MARKDOWN.search(_CLASS_STARS.sub(r"\1", text)):
        yield "markdown_inside"
    if _SCHEMA_ECHO.search(text.lower()):
        yield "placeholder"
    if is_cut(text):
        yield "truncated"
