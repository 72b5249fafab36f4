"""The sections of a valuation: which are there, in which order, with what in them."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.acceptance.text import plain

MIN_SECTION: Final = 60
"""Characters of plain text; a single complete sentence has about as many."""

_MAX_TITLE: Final = 90
_BOLD_LINE_LEVEL: Final = 7
_CODE_INDENT: Final = 4
_SETEXT_LEVELS: Final = {"=": 1, "-": 2}


class Role(StrEnum):
    """What a section is for. `ADVICE` stands for selling and buying in the older layout."""

    SUMMARY = "zusammenfassung"
    MARKET = "marktwertanalyse"
    FACTORS = "preisfaktoren"
    SELLING = "verkaufsempfehlungen"
    BUYING = "kaufberatung"
    ADVICE = "empfehlungen"
    CONCLUSION = "fazit"


TODAY: Final = (
    Role.SUMMARY,
    Role.MARKET,
    Role.FACTORS,
    Role.SELLING,
    Role.BUYING,
    Role.CONCLUSION,
)
OLDER: Final = (Role.SUMMARY, Role.MARKET, Role.FACTORS, Role.ADVICE)

_EXACT: Final = {
    Role.SUMMARY: re.compile(r"(?:kurz|gesamt)?zusammenfassung(?:en)?"),
    Role.MARKET: re.compile(r"marktwert[- ]?analysen?|markt(?:wert)?[- ]?bewertung(?:en)?"),
    Role.FACTORS: re.compile(
        r"(?:preis|bewertungs|wert)faktor(?:en)?(?: im detail| im einzelnen)?"
    ),
    Role.SELLING: re.compile(r"verkaufs?empfehlung(?:en)?"),
    Role.BUYING: re.compile(r"kauf(?:s)?beratung(?:en)?"),
    Role.ADVICE: re.compile(r"(?:handlungs)?empfehlung(?:en)?"),
    Role.CONCLUSION: re.compile(r"(?:gesamt|schluss|abschließendes )?fazit"),
}
_LOOSE: Final = {
    Role.SUMMARY: re.compile(r"(?:\w{1,20} )?(?:kurz|gesamt)?zusammenfassung\b"),
    Role.MARKET: re.compile(
        r"(?:\w{1,20} )?markt(?:wert|preis)?[- ]?(?:analyse|bewertung|einschätzung|ermittlung"
        r"|einordnung)|(?:analyse|einschätzung|ermittlung|einordnung) des marktwert|marktwert$"
    ),
    Role.FACTORS: re.compile(r"(?:[\w-]{1,30} ){0,2}\w{0,20}faktor(?:en)?\b"),
    Role.SELLING: re.compile(
        r"verkauf|(?:empfehlung|beratung|hinweis|tipp)\w{0,3} (?:für|zum) (?:den |die )?verk[aä]uf"
    ),
    Role.BUYING: re.compile(
        r"kauf|käufer|(?:empfehlung|beratung|hinweis|tipp)\w{0,3} (?:für|zum) (?:den |die )?k[aä]uf"
    ),
    Role.ADVICE: re.compile(r"(?:[\w-]{1,30} )?(?:handlungs)?empfehlung(?:en)?\b"),
    Role.CONCLUSION: re.compile(
        r"(?:\w{1,20} )?(?:gesamt|schluss)?fazit\b|schluss(?:folgerung|betrachtung|wort|bemerkung)"
    ),
}
_LEAD_IN: Final = re.compile(
    r"(?:teil|abschnitt|kapitel)? ?(?:\d{1,2}[^a-zäöü\d]{1,8}|[ivx]{1,4}[.):/]\s*)"
)
_NO_LETTER: Final = re.compile(r"^[^a-zäöü\d]+")
_BOLD_LINE: Final = re.compile(r"\s{0,3}(?:\d{1,2}[.)] )?(\*\*|__)([^*_\n]{3,60})\1\s*:?\s*$")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the text. `start` and `end` count lines, `end` is the first line of its body."""

    level: int
    title: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Section:
    role: Role
    title: str
    body: str

    @property
    def content(self) -> str:
        """The body as plain text without inner headings."""
        lines = [line for line in self.body.split("\n") if not line.lstrip().startswith("#")]
        return plain("\n".join(lines)).strip(" \n-")


@dataclass(frozen=True, slots=True)
class Layout:
    """A text cut at its sections. `preamble` is what stands before the first one."""

    preamble: str
    sections: tuple[Section, ...]
    reasons: tuple[str, ...]


def lay_out(unified: str) -> Layout:
    """Cut a unified text into the known sections and say what is wrong with them."""
    lines = unified.split("\n")
    marked = _main_headings(list(_headings(lines)))
    ends = [*(heading.start for _, heading in marked[1:]), len(lines)]
    sections = tuple(
        Section(role, heading.title, "\n".join(lines[heading.end : end]))
        for (role, heading), end in zip(marked, ends, strict=False)
    )
    first = marked[0][1].start if marked else len(lines)
    return Layout("\n".join(lines[:first]), sections, tuple(_faults(sections)))


def _headings(lines: list[str]) -> Iterator[Heading]:
    fenced = False
    for number, line in enumerate(lines):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        if not fenced and (heading := _heading(lines, number)):
            yield heading


def _heading(lines: list[str], number: int) -> Heading | None:
    line = lines[number]
    text = line.lstrip(" ")
    marks = len(text) - len(text.lstrip("#"))
    if (
        0 < marks < _BOLD_LINE_LEVEL
        and text[marks : marks + 1] == " "
        and len(line) - len(text) < _CODE_INDENT
    ):
        return Heading(marks, _title(text[marks:]), number, number + 1)
    if (bold := _BOLD_LINE.match(line)) and _exact_role(title := _title(bold[2])):
        return Heading(_BOLD_LINE_LEVEL, title, number, number + 1)
    below = lines[number + 1].strip() if number + 1 < len(lines) else ""
    if len(below) > 1 and set(below) in ({"="}, {"-"}) and _exact_role(title := _title(line)):
        return Heading(_SETEXT_LEVELS[below[0]], title, number, number + 2)
    return None


def _title(raw: str) -> str:
    title = plain(raw[:_MAX_TITLE]).lower().strip(" #")
    title = _LEAD_IN.sub("", _NO_LETTER.sub("", title), count=1)
    return " ".join(_NO_LETTER.sub("", title).rstrip(" :.!-#").split())


def _exact_role(title: str) -> Role | None:
    return next((role for role, name in _EXACT.items() if name.fullmatch(title)), None)


def _loose_role(title: str) -> Role | None:
    return next((role for role, name in _LOOSE.items() if name.match(title)), None)


def _main_headings(headings: list[Heading]) -> list[tuple[Role, Heading]]:
    """Keep the headings that name sections; inner headings may use the same words.

    An exact name beats a similar one, the level most sections have beats another level.
    """
    named = [(role, heading) for heading in headings if (role := _exact_role(heading.title))]
    exact = {role for role, _ in named}
    named += [
        (role, heading)
        for heading in headings
        if not _exact_role(heading.title)
        and (role := _loose_role(heading.title))
        and role not in exact
    ]
    named.sort(key=lambda pair: pair[1].start)
    levels = Counter(heading.level for _, heading in named)
    usual = max(levels, key=lambda level: levels[level], default=0)
    settled = {role for role, heading in named if heading.level == usual}
    if Role.ADVICE in settled:
        settled |= {Role.SELLING, Role.BUYING}
    kept = [pair for pair in named if pair[1].level == usual or pair[0] not in settled]
    return [pair for n, pair in enumerate(kept) if pair[0] in exact or not _seen(kept[:n], pair[0])]


def _seen(before: list[tuple[Role, Heading]], role: Role) -> bool:
    return any(earlier is role for earlier, _ in before)


def _faults(sections: tuple[Section, ...]) -> Iterator[str]:
    roles = [section.role for section in sections]
    required = _required(set(roles))
    if not set(required) <= set(roles):
        yield "missing_section"
    if len(set(roles)) < len(roles):
        yield "duplicate_section"
    order = [required.index(role) for role in dict.fromkeys(roles) if role in required]
    if order != sorted(order):
        yield "section_order"
    if any(len(section.content) < MIN_SECTION for section in sections):
        yield "empty_section"


def _required(roles: set[Role]) -> tuple[Role, ...]:
    older = Role.ADVICE in roles and not roles.issuperset(TODAY)
    if not older:
        return TODAY
    return (*OLDER, Role.CONCLUSION) if Role.CONCLUSION in roles else OLDER
