"""The horse a prompt talks about, read leniently, and a price that follows from it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_LINE = re.compile(
    r"^[\s\-*•>]*[\"']?(?P<label>[A-Za-zÄÖÜäöüß][^:\n\"'*]{1,40}?)[\"'*\s]*:"
    r"[\s*\"']*(?P<value>[^\n]*?)[\s\"',*]*$",
    re.MULTILINE,
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_UNKNOWN = frozenset({"", "k. a.", "k.a.", "unbekannt", "null", "none", "-"})

_FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "breed": ("rasse",),
        "age": ("alter",),
        "sex": ("geschlecht",),
        "height": ("stockma",),
        "discipline": ("haupteignung", "disziplin", "verwendung"),
        "training": ("ausbildung",),
        "pedigree": ("abstammung",),
        "country": ("land", "markt", "zielmarkt"),
    }
)

_BREEDS = ("Hannoveraner", "Holsteiner", "Westfale", "Oldenburger", "Trakehner", "Haflinger")
_SEXES = ("Stute", "Wallach", "Hengst")
_DISCIPLINES = ("Dressur", "Springen", "Vielseitigkeit", "Freizeit")
_TRAINING = ("angeritten", "E", "A", "L", "M")

_BASE_EUR = {
    "roh": 6_000,
    "angeritten": 8_000,
    "e": 8_500,
    "a": 10_500,
    "lp": 12_000,
    "l": 14_000,
    "lm": 16_500,
    "m": 20_000,
    "s": 34_000,
}
_SMALL_BREEDS = ("pony", "haflinger", "isländer", "islandpferd", "shetland", "tinker", "fjord")


@dataclass(frozen=True, slots=True)
class Horse:
    """`age` in years, `height` in centimetres; `seed` differs between different horses."""

    breed: str
    age: int
    sex: str
    height: int
    discipline: str
    training: str
    pedigree: str
    country: str
    seed: int

    @property
    def price_range(self) -> tuple[int, int]:
        """Lower and upper bound in EUR, rounded to 500."""
        middle = self._base() * self._age_factor() * (0.9 + self.seed % 21 / 100)
        if any(small in self.breed.lower() for small in _SMALL_BREEDS) or self.height < 148:
            middle *= 0.55
        low = max(1_500, _rounded(middle * 0.85))
        return low, max(low + 1_000, _rounded(middle * 1.2))

    @property
    def market(self) -> str:
        if re.search(r"\bAT\b|sterreich", self.country):
            return "in Österreich"
        if re.search(r"\bCH\b|chweiz", self.country):
            return "in der Schweiz"
        return "in Deutschland"

    def _base(self) -> int:
        level = self.training.lower().split("-")[0].split()[0] if self.training else ""
        return _BASE_EUR.get(level, 9_000)

    def _age_factor(self) -> float:
        if self.age <= 3:
            return 0.85
        if self.age <= 11:
            return 1.1
        return max(0.35, 1.1 - 0.08 * (self.age - 11))


def _rounded(amount: float) -> int:
    return int(amount / 500 + 0.5) * 500


def read_horse(text: str) -> Horse | None:
    """The horse described by "Label: value" lines; None when there is no breed line.

    Whatever is not said follows from a hash of the text, so the same prompt always means
    the same horse.
    """
    said = _said(text)
    if "breed" not in said:
        return None
    seed = int.from_bytes(hashlib.sha256(repr(sorted(said.items())).encode()).digest()[:6])
    return Horse(
        breed=said["breed"][:60],
        age=_whole(said.get("age"), default=4 + seed % 12, most=50),
        sex=said.get("sex") or _SEXES[seed % 3],
        height=_centimetres(said.get("height"), default=160 + seed % 15),
        discipline=said.get("discipline", _DISCIPLINES[seed % 4])[:60],
        training=said.get("training", _TRAINING[seed % 5])[:40],
        pedigree=said.get("pedigree", "")[:120],
        country=said.get("country", "")[:60],
        seed=seed,
    )


def _said(text: str) -> dict[str, str]:
    said: dict[str, str] = {}
    for line in _LINE.finditer(text):
        name = _field(line["label"].strip().lower())
        value = line["value"].strip()
        if name is not None and value.lower() not in _UNKNOWN:
            said.setdefault(name, value)
    return said


def _field(label: str) -> str | None:
    for name, openings in _FIELDS.items():
        if label.startswith(openings):
            return name
    return None


def _whole(value: str | None, *, default: int, most: int) -> int:
    found = _NUMBER.search(value or "")
    if found is None:
        return default
    return min(most, int(float(found[0].replace(",", "."))))


def _centimetres(value: str | None, *, default: int) -> int:
    found = _NUMBER.search(value or "")
    if found is None:
        return default
    number = float(found[0].replace(",", "."))
    return round(number * 100) if number < 3 else round(number)


def placeholder(text: str) -> Horse:
    """A horse for prompts that describe none, the same for the same text."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:6])
    return Horse(
        breed=_BREEDS[seed % len(_BREEDS)],
        age=4 + seed % 12,
        sex=_SEXES[seed % 3],
        height=160 + seed % 15,
        discipline=_DISCIPLINES[seed % 4],
        training=_TRAINING[seed % 5],
        pedigree="",
        country="",
        seed=seed,
    )
