"""From the site's order document to a horse that can be valued.

The site's German field names live here and nowhere else on the reading side.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from domain.answer import Answer
from domain.errors import InvalidOrder
from domain.job import Kind
from domain.measures import read_age_years, read_height_cm

MAX_TEXT: Final = 4000
CUT_NOTE: Final = " […] [Angabe gekürzt]"

_UNWANTED: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)


class Country(StrEnum):
    """The horse's market, by the name the model reads."""

    DE = "Deutschland"
    AT = "Österreich"
    CH = "Schweiz"


_COUNTRIES: Final = {
    **{country.name.casefold(): country for country in Country},
    **{country.value.casefold(): country for country in Country},
    "oesterreich": Country.AT,
    "germany": Country.DE,
    "austria": Country.AT,
    "switzerland": Country.CH,
}


def clean_text(value: object) -> str:
    """Return free text unaltered but for control and bidirectional characters and a length cap.

    Numbers become their digits; anything that is no text becomes "".
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = _UNWANTED.sub("", str(value)).strip()
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT].rstrip() + CUT_NOTE


def _required_text(value: object) -> str:
    text = clean_text(value)
    if not text:
        raise ValueError("missing or blank")
    return text


def _height(value: object) -> int:
    height = read_height_cm(value)
    if height is None:
        raise ValueError("no height between 50 and 250 cm can be read")
    return height


def _age(value: object) -> float:
    age = read_age_years(value)
    if age is None:
        raise ValueError("no age between 0 and 50 years can be read")
    return age


def _country(value: object) -> Country:
    """Default to Germany: documents from before November 2025 carry no country."""
    if value is not None and not isinstance(value, str):
        raise ValueError("not one of DE, AT, CH")
    name = clean_text(value).casefold()
    if not name:
        return Country.DE
    if name not in _COUNTRIES:
        raise ValueError("not one of DE, AT, CH")
    return _COUNTRIES[name]


Text = Annotated[str, BeforeValidator(clean_text)]
RequiredText = Annotated[str, BeforeValidator(_required_text)]


class Horse(BaseModel):
    """A horse as the customer described it. Height in cm, age in years, empty text = not given."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    breed: RequiredText = Field(alias="rasse")
    age: Annotated[float, BeforeValidator(_age)] = Field(alias="alter")
    sex: RequiredText = Field(alias="geschlecht")
    height_cm: Annotated[int, BeforeValidator(_height)] = Field(alias="stockmass")
    discipline: RequiredText = Field(alias="haupteignung")
    training: RequiredText = Field(alias="ausbildung")
    pedigree: Text = Field(default="", alias="abstammung")
    vet_check: Text = Field(default="", alias="aku")
    achievements: Text = Field(default="", alias="erfolge")
    location: Text = Field(default="", alias="standort")
    character: Text = Field(default="", alias="charakter")
    remarks: Text = Field(default="", alias="besonderheiten")
    country: Annotated[Country, BeforeValidator(_country)] = Field(default=Country.DE, alias="land")
    name: Text = Field(default="", alias="pferdeName")


def read_horse(raw: Mapping[str, Any]) -> Horse:
    """Read an order document; unknown fields are ignored.

    Raises InvalidOrder naming the first of the site's fields that cannot be valued.
    """
    fields = dict(raw)
    if not clean_text(fields.get("haupteignung")):
        # The field's own predecessor, not an unrelated one; documents before August 2025 use it.
        fields["haupteignung"] = fields.get("verwendungszweck")
    # Only the site's own names count: an unknown field must never be taken for one of ours.
    known = {
        field.alias: fields.get(field.alias)
        for field in Horse.model_fields.values()
        if field.alias and (field.is_required() or field.alias in fields)
    }
    try:
        return Horse.model_validate(known)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise InvalidOrder(
            field=str(first["loc"][0]), detail=first["msg"].removeprefix("Value error, ")
        ) from None


RESULT_FIELD: Final = {Kind.VALUATION: "bewertung", Kind.CERTIFICATE: "zertifikat_data"}


def has_result(kind: Kind, raw: Mapping[str, Any]) -> bool:
    """Say whether the order holds a result already; blank text is none."""
    value = raw.get(RESULT_FIELD[kind])
    return bool(value.strip()) if isinstance(value, str) else bool(value)


def restored(answer: Answer, kind: Kind, raw: Mapping[str, Any]) -> Answer:
    """Return an answer with the words that the order keeps of it; unchanged if it has its own."""
    value = raw.get(RESULT_FIELD[kind])
    if answer.text or not has_result(kind, raw):
        return answer
    words = {"certificate": value} if isinstance(value, dict) else {"text": str(value)}
    return answer.model_copy(update=words)


def horse_data(horse: Horse) -> dict[str, Any]:
    """Return the allow-list of the owner's `ai_requests.horse_data`: no free text about people."""
    return {
        "alter": horse.age,
        "geschlecht": horse.sex[:60],
        "rasse": horse.breed[:60],
        "stockmass": horse.height_cm,
        "haupteignung": horse.discipline[:60],
        "ausbildung": horse.training[:60],
        "land": horse.country.name,
    }
