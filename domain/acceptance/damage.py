"""Texts that are broken as texts: placeholders, loops, machine output, foreign matter."""

import re
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Final

from domain.acceptance.needles import fold
from domain.acceptance.reading import Reading
from domain.acceptance.sieve import Guarded

_PLACEHOLDERS: Final = tuple(
    Guarded(re.compile(pattern, re.MULTILINE))
    for pattern in (
        r"\b[XxYyZz]{1,3}[.,][XxYyZz]{3}\b",
        r"\b[XY]{1,6}\s?(?:-\s?[XY]{1,6}\s?)?(?:€|EUR\b|Euro\b|CHF\b)|€\s?[XY]{1,6}\b",
        r"(?:€|EUR|CHF)\s_{2,}|_{3,}\s?(?:€|EUR|CHF)|(?<![_\w])_{3,}(?![_\w*])",
        r"\{\{|\}\}|\{%|\$\{\w|<%|\{[a-zäöü_]{3,30}\}",
        r"<(?:preis|betrag|name|rasse|alter|wert)[^<>\n]{0,30}>",
        r"\b(?:TBD|TODO|FIXME|N/A|NaN|undefined|DRAFT)\b",
        r"(?i:\blorem ipsum\b)",
        r"\[object Object\]|\[(?:…|\.\.\.|_+)\]",
        r"^[^\w\n]{0,10}(?:null|none|undefined|nan|true|false)[^\w\n]{0,10}$",
        r"(?i:\b(?:hier|text|daten|betrag|preis|name)\b[^.\n]{0,20}\beinfügen\b)",
        (
            r"^[^\w\n]{0,10}(?i:entwurf|draft|rohfassung)\b"
            r"(?=[^\w\n]{0,6}(?:$|(?i:version|v\d|nicht\b)))"
        ),
        r"(?i:\bersetzen sie (?:diese|die) (?:angaben|platzhalter|werte|beispiel))",
    )
)
_BRACKETED: Final = re.compile(
    r"\[([^\[\]\n]{2,160})\](?!\()",
)
_TO_FILL: Final = re.compile(
    r"betrag|preis|einfügen|einsetzen|platzhalter|begründung|bewertung|einschätzung"
    r"|zusammenfassung|empfehlung|interpretation|\bname\b|\bdatum\b|\bort\b|\bhier\b|\bihr\w? "
    r"|entwurf|draft"
    r"|\bwert\b|rasse|\balter\b|beschreibung|analyse|hinweis|fortsetzung|insert|your |\bx+\b"
    r"|charakter|aufzählung|text|abschnitt|ende der",
    re.IGNORECASE,
)
_THINKING: Final = Guarded(
    re.compile(
        r"</?(?:think|thinking|thought|reasoning|reflection|scratchpad|analysis|analyse|gedanken)\b"
        r"|◁/?think▷",
        re.IGNORECASE,
    )
)
_CONTROL: Final = Guarded(
    re.compile(
        r"<\|[^|\n]{1,40}\|>|\[/?INST\]|<</?SYS>>|</?(?:tool_call|tool_response|function_calls?"
        r"|invoke|antml)\b|<(?:start|end)_of_turn>|\bfunctions\.\w+:\d"
        r"|\bcite?turn\d|[\u3010\u3011]|\bassistantfinal|\bfunction_call\b",
        re.IGNORECASE,
    )
)
_TAG: Final = re.compile(
    r"</?(?:html|body|head|div|span|p|h[1-6]|ul|ol|li|table|tr|td|th|strong|em|b|i|u|a|img"
    r"|script|iframe|style|center|font|details|summary|section|article)\b[^<>\n]{0,200}>"
    r"|<!doctype|<!--|<(?:script|iframe|img|a href)\b",
    re.IGNORECASE,
)
_BREAK: Final = re.compile(r"<br ?/?>", re.IGNORECASE)
_IMAGE: Final = re.compile(r"!\[[^\]\n]{0,200}\]\(")
_LINK: Final = re.compile(r"https?://([\w.-]{1,100})|\]\(\s*(?!https?:)[^)\s]")
_OWN_HOST: Final = re.compile(r"(?:www\.)?pferdewert\.(?:de|at|ch)$")
_MOJIBAKE: Final = re.compile("\ufffd|Ã[\u0080-\u00bf¤¶¼Ÿœ„–]|â‚¬|â€[“”œ™]|Â[ €§]")
_ARITHMETIC: Final = re.compile(r"[×=]\s?[\d(-]|\bfaktor\s?\d|\d\s?[×=]")
_ARITHMETIC_SIGNS: Final = ("×", "=", "faktor")
_WORD_LOOP: Final = re.compile(r"\b(\w{2,20})(?:\W{1,3}\1\b){5}", re.IGNORECASE)
_PHRASE: Final = 12
_LONGEST_PHRASE: Final = 80
_PHRASE_LOOP: Final = re.compile(rf"(\b[\w ,-]{{{_PHRASE},{_LONGEST_PHRASE}}})\1\1\1")
_FILLER: Final = re.compile(r"[-|=\s]{2,}")
_CONTINUED: Final = Guarded(
    re.compile(
        r"fortsetzung folgt|wird fortgesetzt|(?:im|in|in der) nächsten (?:teil|abschnitt|nachricht)"
        r"|to be continued|\(?continued\)?$|teil 1 von \d",
        re.IGNORECASE,
    )
)

_MAX_BREAKS: Final = 2
_MAX_MOJIBAKE: Final = 1
_MAX_ARITHMETIC: Final = 5
_WINDOW: Final = 2000
_LOOPING: Final = 0.24
_LOOPING_WHOLE: Final = 0.2
_SAME_SENTENCE: Final = 3
_SENTENCE: Final = 45


def faults(reading: Reading) -> Iterator[str]:
    """Judge any answer text."""
    text, folded = reading.text, fold(reading.text)
    if _has_placeholder(text, folded):
        yield "placeholder"
    if _THINKING.is_in(text, folded):
        yield "thinking_trace"
    if _CONTROL.is_in(text, folded):
        yield "control_tokens"
    if _TAG.search(text) or len(_BREAK.findall(text)) > _MAX_BREAKS:
        yield "html"
    if len(_MOJIBAKE.findall(text)) > _MAX_MOJIBAKE:
        yield "mojibake"
    if _IMAGE.search(text) or _has_foreign_link(text):
        yield "link"
    if _is_looping(reading):
        yield "repetition"
    if _CONTINUED.is_in(text, folded):
        yield "truncated"


def code_faults(reading: Reading) -> Iterator[str]:
    """Say whether a valuation is, or contains, something other than a markdown report."""
    text = reading.text
    lines = text.strip().split("\n")
    fences = [number for number, line in enumerate(lines) if line.lstrip().startswith("```")]
    if fences and fences[0] == 0:
        yield "fenced"
    elif fences:
        yield "code_block"
    if text.lstrip()[:1] in {"{", "["} and "#" not in text[:200]:
        yield "not_markdown"
    if _calculates(reading.plain.lower()):
        yield "formula"


def _calculates(shown: str) -> bool:
    if sum(map(shown.count, _ARITHMETIC_SIGNS)) <= _MAX_ARITHMETIC:
        return False
    return len(_ARITHMETIC.findall(shown)) > _MAX_ARITHMETIC


def _has_placeholder(text: str, folded: str) -> bool:
    if any(placeholder.is_in(text, folded) for placeholder in _PLACEHOLDERS):
        return True
    return any(_TO_FILL.search(content) for content in _BRACKETED.findall(text))


def _has_foreign_link(text: str) -> bool:
    return any(not _OWN_HOST.match(match[1] or "") for match in _LINK.finditer(text))


def _is_looping(reading: Reading) -> bool:
    text = reading.text
    if _WORD_LOOP.search(text) or (_echoes(text) and _PHRASE_LOOP.search(text)):
        return True
    told = Counter(sentence for sentence in reading.sentences if len(sentence) > _SENTENCE)
    if told and max(told.values()) >= _SAME_SENTENCE:
        return True
    return _compresses_too_well(
        _FILLER.sub(" ", "\n".join(block.written for block in reading.paragraphs))
    )


def _echoes(text: str) -> bool:
    """Say whether a piece of the text comes three times, as far apart as in a looping phrase.

    Every loop has such a piece: its phrase comes four times and is no shorter than the piece.
    """
    return any(_returns(text, at) for at in range(0, len(text), _PHRASE))


def _returns(text: str, at: int) -> bool:
    piece, reach = text[at : at + _PHRASE], at + _LONGEST_PHRASE + _PHRASE
    again = text.find(piece, at + _PHRASE, reach)
    while again >= 0:
        if text.startswith(piece, again + again - at):
            return True
        again = text.find(piece, again + 1, reach)
    return False


def _compresses_too_well(text: str) -> bool:
    """German prose compresses to 0.4 and more of its size; a loop to a small fraction."""
    if len(text) < _WINDOW:
        return False
    if _ratio(text) < _LOOPING_WHOLE:
        return True
    return any(
        _ratio(text[start : start + _WINDOW]) < _LOOPING
        for start in range(0, len(text) - _WINDOW + 1, _WINDOW // 2)
    )


def _ratio(text: str) -> float:
    raw = text.encode()
    return len(zlib.compress(raw)) / len(raw)
