"""How a valuation must end: with the reservation, and at the end of a sentence."""

import re
from collections.abc import Iterator
from typing import Final

from domain.acceptance.layout import Section
from domain.acceptance.text import blocks, plain, sentences, split_sentences

_TAIL: Final = 1500
"""Characters from the end in which the closing sentence must stand when Fazit is long or absent."""

_NOT_BINDING: Final = re.compile(
    r"\bunverbindlich|\b(?:nicht|kein\w{0,2}|keinerlei|ohne|weder"
    r"|frei von)\b[^.!?]{0,80}?(?:bindend|verbindlich|bindung|rechtskräftig|rechtswirk"
    r"|rechtsgültig|rechtsanspr|rechtliche\w? anspr|rechtliche\w? wirkung|rechtsfolge|haft(?:ung"
    r"|bar)|gewähr\b|garantie)|(?:bindend|verbindlich|bindungswirkung|bindung"
    r"|verbindlichkeit)\w{0,3}\b[^.!?]{0,40}\b(?:nicht|kein)|rechtsanspr[^.!?]{0,60}\b(?:nicht"
    r"|kein|ausgeschlossen)|haftung[^.!?]{0,60}ausgeschlossen"
)
_NO_SUBSTITUTE: Final = re.compile(
    r"\b(?:ersetzt|ersetzen|ersatz|tritt an die stelle|gleichzusetzen)\b"
)
_NEGATION: Final = re.compile(r"\b(?:nicht|kein\w{0,2}|keinesfalls|weder)\b")
_EXPERTISE: Final = re.compile(
    r"gutachten|begutachtung|besichtigung|untersuchung|\baku\b|sachverständ|beratung|tier[aä]rzt"
    r"|prüfung|beurteilung|bewertung|einschätzung|fachper|fachleut|experten|termin vor ort"
)
_GUIDANCE: Final = re.compile(
    r"(?:dient|dienen|versteht sich|verstehen sich|ist|sind|stellt"
    r"|handelt)\b[^.!?]{0,40}\b(?:lediglich|ausschließlich|ausschliesslich|nur|allein|rein"
    r"|bloß)\b[^.!?]{0,60}(?:orientierung|information|richtwert|anhaltspunkt|schätzung"
    r"|einschätzung)"
)
_ABOUT_THIS: Final = re.compile(
    r"bewertung|schätzung|gutachten|analyse|ergebnis|spanne|marktwert|wertermittlung|angabe"
    r"|bericht|aussage|auskunft|orientierung|werte\b|preise?\b|gewähr|richtwert"
)
_PRONOUN_SUBJECT: Final = re.compile(
    r"\b(?:sie|es|dies\w{0,2}) (?:ist|sind|hat|haben|versteh|ersetz|stell|begründe|dien|entfalte)"
)
_LEGAL: Final = re.compile(r"\brecht(?:lich|s)|gewähr|haftung")
_OPEN_END: Final = frozenset(
    (  # noqa: SIM905 - reads as a word list
        "der die das den dem des ein eine einen einem einer eines und oder aber sowie als wie mit"
        " ohne für von vom zu zum zur im in an am auf aus bei beim bis nach über unter um durch"
        " gegen vor ist sind war wird werden wurde kann können sollte sollten hat haben auch sehr"
        " noch nur kein keine keinen nicht dass weil da wenn ob sich seine seiner ihre ihrer dieser"
        " diese dieses bzw ca etwa"
    ).split()
)
_ABBREVIATED_END: Final = re.compile(
    r"(?:\b(?:ca|bzw|z\. ?b|d\. ?h|u\. ?a|inkl|nr|evtl|ggf|max|min|vgl|mind|zzgl|dr)|\b\d{1,3})\.$"
)
_SIGNATURE: Final = re.compile(
    r"[-©( ]{0,4}(?:ihr\w{0,2} |das )?[\w-]{0,30}(?:team|pferdewert(?:\.de|\.at|\.ch)?(?:[ -]ki)?)$"
    r"|\(?stand: ?[\w. ]{4,20}$"
)
_LAST_PART: Final = re.compile(r"[.!?][\"')]{0,2} +(?=[^.!?]*$)")
_RULE: Final = re.compile(r"(?:[-*_] ?){3,}$")
_CLASS_STARS: Final = re.compile(r"\b([EALMS])\*{1,4}")
_WRAPPED: Final = re.compile(r"([*_]{1,3}|[\"'(])[^*_].*[*_\"')]$")
_LAST_WORD: Final = re.compile(
    r"\b(?:(?:rechts|un)?verbindlich|bindend|verbindlichkeit|\w*bindung|bindungswirkung"
    r"|\w*gutachtens?|gewähr|orientierung\w*|haftung|dar)$"
)
_BARE_ITEM: Final = re.compile(r"[-*+\u2022] +\*\*[^*\d\n]{2,40}\*{0,2}:?\*{0,2}$")
_BOLD_START: Final = re.compile(r"(?:[-*+\u2022] +)?\*\*\w")
_MIN_OWN_WORDS: Final = 40
_REACH: Final = 300
"""Characters. No last sentence needs more; longer paragraphs of marks are expensive to read."""

_LONG_CLOSING: Final = 250
_PROSE: Final = 60


def is_reservation(sentence: str) -> bool:
    """Say whether a plain sentence tells that the result binds nobody or replaces no expert."""
    text = sentence.lower()
    binds_nobody = bool(_NOT_BINDING.search(text))
    if binds_nobody and _LEGAL.search(text):
        return True
    if not (_ABOUT_THIS.search(text) or _PRONOUN_SUBJECT.search(text)):
        return False
    replaces = _NO_SUBSTITUTE.search(text) and _NEGATION.search(text) and _EXPERTISE.search(text)
    return binds_nobody or bool(_GUIDANCE.search(text)) or bool(replaces)


def faults(text: str, sections: tuple[Section, ...]) -> Iterator[str]:
    """Say what is wrong with the end of a unified text and of its sections."""
    if not any(is_reservation(sentence) for sentence in sentences(_ending(text, sections))):
        yield "no_disclaimer"
    if is_cut(text) or any(_is_cut_inside(section) for section in sections):
        yield "truncated"
    if sections and _only_reservation(sections[-1]):
        yield "empty_section"


def is_cut(text: str) -> bool:
    """Say whether a unified text stops before its last sentence does."""
    lines = [line for line in text.split("\n") if line.strip() and not _RULE.match(line.strip())]
    if not lines:
        return False
    if sum(line.lstrip().startswith("```") for line in lines) % 2:
        return True
    last = lines[-1].strip().lstrip("> ")
    return _has_open_bold(last) or _is_unclosed(last) or not _is_finished(_nearest(last))


def _nearest(line: str) -> str:
    """Cut a long line to its end, keeping the mark it opens with."""
    return line if len(line) <= _REACH else f"{line[:3]} {line[-_REACH:]}"


def _ending(text: str, sections: tuple[Section, ...]) -> str:
    last = sections[-1].body if sections else ""
    return last if len(last) > _TAIL else text[-_TAIL:]


def _has_open_bold(line: str) -> bool:
    """Count bold marks with and without the stars of classes such as M** and S*."""
    return line.count("**") % 2 == 1 and _CLASS_STARS.sub(r"\1", line).count("**") % 2 == 1


def _is_unclosed(line: str) -> bool:
    """A line that opens with a quote or an emphasis mark must close it, too."""
    opener = line[:1]
    if opener not in {'"', "*", "_"} or line[1:2] == " ":
        return False
    return _CLASS_STARS.sub(r"\1", line).count(opener) % 2 == 1


def _is_finished(line: str) -> bool:
    shown = plain(line).strip()
    end = len(shown)
    while end and not (shown[end - 1].isalnum() or shown[end - 1] in ".!?,;:-"):
        end -= 1
    core = shown[:end]
    if core.endswith((".", "!", "?")):
        return not core.endswith("...") and not _ABBREVIATED_END.search(core.lower())
    if line.startswith("#") or core.endswith((",", ";", ":", "-")) or _ends_open(core):
        return False
    if _SIGNATURE.match(_last_part(core.lower())):
        return True
    if _WRAPPED.match(line):
        return len(core) > _PROSE or is_reservation(core)
    return bool(_LAST_WORD.search(core.lower())) and is_reservation(core)


def _last_part(core: str) -> str:
    """Drop finished sentences that stand before a signature on the same line."""
    before = list(_LAST_PART.finditer(core))
    return core[before[-1].end() :] if before else core


def _ends_open(core: str) -> bool:
    return core.rsplit(" ", 1)[-1].lower() in _OPEN_END


def _is_cut_inside(section: Section) -> bool:
    """A paragraph that stops at a word no sentence ends with was cut, wherever it stands."""
    told = blocks(section.body)
    if not told:
        return False
    if _is_open_item(told[-1]) or _is_bare_item(told) or _has_cut_paragraph(told):
        return True
    core = plain(told[-1]).rstrip(" \"')")
    return len(core) > _PROSE and (core.endswith(",") or _ends_open(core))


def _is_open_item(block: str) -> bool:
    return bool(_BOLD_START.match(block)) and _has_open_bold(block)


def _is_bare_item(told: list[str]) -> bool:
    """A list may consist of bold names alone; one at the end of another list lost its text."""
    bare = bool(_BARE_ITEM.match(told[-1]))
    return bare and not (len(told) > 1 and _BARE_ITEM.match(told[-2]))


def _has_cut_paragraph(told: list[str]) -> bool:
    """Sentences without a mark at the end of the last one were cut."""
    return any(
        block[0].isalpha() and block[-1].isalpha() and len(split_sentences(block)) > 1
        for block in told
    )


def _only_reservation(section: Section) -> bool:
    told = sentences(section.body)
    own = sum(len(sentence) for sentence in told if not is_reservation(sentence))
    return own < _MIN_OWN_WORDS and len(section.content) < _LONG_CLOSING
