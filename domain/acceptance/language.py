"""Telling German by the small words that every sentence needs."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Final

from domain.acceptance.reading import Reading

_GERMAN: Final = frozenset(
    (  # noqa: SIM905 - reads as a word list
        "der die das und ist ein eine einer einen einem eines nicht mit für von den dem des im auf"
        " zu zum zur auch als sich bei oder wird werden durch aus sind sehr kann können noch nach"
        " aber nur über sowie wie es er sie ihr ihre seine seiner dieser diese dieses dass wenn bis"
        " um vor hat haben ohne unter am beim vom ab liegt gilt dabei daher sollte sollten mehr"
        " bereits zwischen kein keine jedoch gut wert preis alter jahre jahren pferd"
    ).split()
)
_FOREIGN: Final = tuple(
    frozenset(small_words.split())
    for small_words in (
        (
            "the and of is with for to this that are be by from its which should has have it as"
            " will can not your you at or on their more would been into"
        ),
        (
            "het een van en niet voor met op zijn te dat deze ook maar door wordt worden bij naar"
            " uit zeer kan wel geen meer dan heeft aan ze paard"
        ),
        (
            "le la les des et est une un pour dans sur avec ce cette qui que par plus du au aux il"
            " elle cheval ne pas ses son"
        ),
        "el los las una uno para con por que del su sus es un caballo más como se lo",
        "il gli una per con che della del nel sono di è un cavallo più come si lo anche",
        "i w na z do nie jest się oraz dla przez koń o jak to po",
    )
)
"""Small words of English, Dutch, French, Spanish, Italian and Polish."""

_ENGLISH: Final = _FOREIGN[0] | {"we", "i", "our", "me", "now", "let", "please", "note"}
_ENGLISH_SENTENCE: Final = 3
_WORD: Final = re.compile(r"[^\W\d_]+")
_MIN_SHARE: Final = 0.12
"""German prose has 0.3 and more; bullet lists of nouns go down to 0.2."""

_MOST_FOREIGN_WORDS: Final = 8
"""Small words in blocks that are more foreign than German. A pedigree has a few "of the"."""

_MOST_FOREIGN_LETTERS: Final = 2
_OTHER_SCRIPTS: Final = (
    *("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "CYRILLIC", "ARABIC", "HEBREW", "THAI"),
    *("DEVANAGARI", "BENGALI", "GEORGIAN"),
)


def faults(reading: Reading, given: str) -> Iterator[str]:
    """Judge a text; foreign letters the customer typed himself (`given`) are no fault."""
    if not _is_german(reading):
        yield "not_german"
    if _foreign_letters(reading.text, given) > _MOST_FOREIGN_LETTERS:
        yield "foreign_script"


def _is_german(reading: Reading) -> bool:
    told = Counter(word for paragraph in reading.paragraphs for word in paragraph.words)
    if _hits(told, _GERMAN) < told.total() * _MIN_SHARE:
        return False
    if any(_strays(reading, small - _GERMAN) for small in _FOREIGN if _is_frequent(told, small)):
        return False
    if _hits(told, _ENGLISH) < _ENGLISH_SENTENCE:
        return True
    return not any(_is_english(sentence) for sentence in reading.sentences)


def _is_frequent(told: Counter[str], small: frozenset[str]) -> bool:
    return _hits(told, small - _GERMAN) > _MOST_FOREIGN_WORDS


def _strays(reading: Reading, small: frozenset[str]) -> bool:
    """Count per block, so that one strange paragraph shows in a long text."""
    counted = [Counter(paragraph.words) for paragraph in reading.paragraphs]
    hits = ((_hits(block, small), _hits(block, _GERMAN)) for block in counted)
    return sum(foreign for foreign, german in hits if foreign > german) > _MOST_FOREIGN_WORDS


def _is_english(sentence: str) -> bool:
    """Tell an English sentence from English names, which have few plain lower-case words."""
    told: list[str] = _WORD.findall(sentence)
    small = sum(word.lower() in _ENGLISH for word in told)
    if small < _ENGLISH_SENTENCE or any(word.lower() in _GERMAN for word in told):
        return False
    return sum(word.islower() and word not in _ENGLISH for word in told) > 1


def _hits(counted: Counter[str], small_words: frozenset[str]) -> int:
    return sum(counted[word] for word in counted.keys() & small_words)


def _foreign_letters(text: str, given: str) -> int:
    strange = (
        char
        for char in set(text) - set(given)
        if char.isalpha() and unicodedata.name(char, "").startswith(_OTHER_SCRIPTS)
    )
    return sum(text.count(char) for char in strange)
