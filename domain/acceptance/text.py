"""One way of reading a model's text: what a person sees, without how it was typed."""

import html
import re
import unicodedata
from typing import Final

MAX_LENGTH: Final = 30_000
"""Characters. Real answers stay below 14,000; a loop that runs into its token limit does not."""

_ZERO_WIDTH: Final = (
    "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff"
)
_WHITE: Final = "".join(char for char in map(chr, range(0x3001)) if char.isspace())
_EDGES: Final = _WHITE + _ZERO_WIDTH

_LOOKALIKES: Final = str.maketrans(
    dict.fromkeys(_ZERO_WIDTH)
    | dict.fromkeys(
        "\u00a0\u1680\u202f\u205f\u3000\t" + "".join(map(chr, range(0x2000, 0x200B))), " "
    )
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad", "-")
    | dict.fromkeys("\u2018\u2019\u201b\u02bc\u00b4\u2032", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"')
    | {"\u2026": "..."}
)
_MANY_BLANK_LINES: Final = re.compile(r"\n(?:[ ]{0,20}\n){2,}")
_GAP: Final = " " * 8
_LONG_GAP: Final = re.compile(rf"{_GAP} *")
_NO_WORD_FROM: Final = 120
_NO_WORD: Final = re.compile(rf"\w{{{_NO_WORD_FROM}}}")
_LINK: Final = re.compile(r"\[([^\[\]\n]{0,200})\]\([^()\n]{0,300}\)")
_ESCAPE: Final = re.compile(r"\\([^\w\s])")
_EMPHASIS: Final = ("~~", "*", "_", "`")
_QUOTE_MARK: Final = re.compile(r"^[ ]{0,3}>[> ]*", re.MULTILINE)
_BLOCK_START: Final = re.compile(r"\s*(?:#{1,6} |[-+*\u2022] |\d{1,2}[.)] |\||>|(?:[-*_] ?){3,}$)")
_SENTENCE_END: Final = re.compile(
    r"(?<=[.!?])(?<!\bca\.)(?<!\brd\.)(?<!\bbzw\.)(?<!\binkl\.)(?<!\bmax\.)(?<!\bz\.)(?<!"
    r"\bB\.)(?<!\bk\.)[\"')]{0,2}\s+(?=[\"'(]{0,2}[A-ZÄÖÜ])"
)
_WORD: Final = re.compile(r"[^\W\d_]+")


def strip_edges(text: str) -> str:
    """Drop outer white space, byte order marks and zero-width characters; keep the rest."""
    return text.strip(_EDGES)


def unify(text: str) -> str:
    """Give line ends, spaces, dashes, quotes, entities and composed letters one spelling each."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = unicodedata.normalize("NFC", html.unescape(text)).translate(_LOOKALIKES)
    text = _MANY_BLANK_LINES.sub("\n\n", text)
    return _LONG_GAP.sub(_GAP, text) if _GAP in text else text


def unreadable(stripped: str) -> str | None:
    """Name the reason not to look at the text; the length keeps every pattern here fast."""
    if not stripped:
        return "empty"
    return "too_long" if len(stripped) > MAX_LENGTH else None


def is_gibberish(shown: str) -> bool:
    """Say whether a plain text has a word no language has; what passes keeps patterns linear."""
    longest = max(map(len, shown.split()), default=0)
    return longest >= _NO_WORD_FROM and bool(_NO_WORD.search(shown))


def plain(unified: str) -> str:
    """Drop the markdown marks of a unified text; the line structure stays."""
    text = _LINK.sub(r"\1", unified) if "](" in unified else unified
    text = _ESCAPE.sub(r"\1", text) if "\\" in text else text
    text = _QUOTE_MARK.sub("", text) if ">" in text else text
    for mark in _EMPHASIS:
        text = text.replace(mark, "")
    return text


def blocks(unified: str) -> list[str]:
    """Join wrapped lines to paragraphs, list items, headings and table rows."""
    found: list[str] = []
    fresh = True
    for line in unified.split("\n"):
        if not line.strip():
            fresh = True
            continue
        if fresh or _BLOCK_START.match(line):
            found.append(line.strip())
        else:
            found[-1] += " " + line.strip()
        fresh = line.lstrip().startswith("#")
    return found


def split_sentences(line: str) -> list[str]:
    """Split one plain line; rare abbreviations before a capital may split a sentence in two."""
    return [sentence.strip() for sentence in _SENTENCE_END.split(line) if sentence.strip()]


def sentences(unified: str) -> list[str]:
    """Split a whole text into plain sentences, across wrapped lines."""
    return [sentence for block in blocks(unified) for sentence in split_sentences(plain(block))]


def words(text: str) -> list[str]:
    """Return the words in lower case; digits and marks separate."""
    return _WORD.findall(text.lower())
