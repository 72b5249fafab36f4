"""The cheap look before a pattern never hides a match from it."""

import random
import re
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.acceptance import damage
from domain.acceptance.needles import fold, needles
from domain.acceptance.phrases import ALL
from domain.acceptance.reading import read
from domain.acceptance.sieve import Guarded, Sieve
from domain.acceptance.text import is_gibberish, unify
from tests.judgement.reports import examples, report

CORPUS: Final = Path(__file__).parents[1] / "corpus"
SIGNALS: Final = [signal.pattern for signal in ALL]
GUARDED: Final = [
    *damage._PLACEHOLDERS,
    *(guard for guard in vars(damage).values() if isinstance(guard, Guarded)),
]
PATTERNS: Final = [*SIGNALS, *(guard.pattern for guard in GUARDED)]
ODD: Final = '\u0130\u0131\u017f\u212a\u1e9e*_"?,. -'


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        (r"\bleider\b", {"leider"}),
        (r"\b(?:mir|uns) (?:fehlt|fehlen)\b", {"mir fehlt", "mir fehlen", "uns fehlt"}),
        (r"kein\w{0,2} zugriff", {" zugriff"}),
        (r"(?:sehr )?gern\b", {"gern"}),
        (r"\bich\b[^.]{0,40}\bablehnen", {"ablehnen"}),
        (r"unmöglich|nie", {"unmöglich", "nie"}),
        (r"(?!x)hallo(?<!y)", {"hallo"}),
        (r"(?i:TODO)|[Xx]{1,3}", {"todo", "x"}),
        (r"(?:abc)+", {"abc"}),
        (r"(?:abc)*", set()),
        (r"\w+|hallo", set()),
        (r"entschuldigung", {"entschuldi"}),
    ],
)
def test_reads_from_a_pattern_what_its_matches_contain(pattern: str, found: set[str]) -> None:
    """Alternatives are all named, what may be missing is not, and a long piece is cut."""
    spelled = needles(re.compile(pattern))
    assert found <= spelled if len(found) > 1 else found == spelled


@pytest.mark.parametrize("pattern", PATTERNS, ids=range(len(PATTERNS)))
def test_every_match_contains_a_needle(pattern: re.Pattern[str]) -> None:
    """Whatever text a pattern is given to match, one of its needles is in the match."""
    needed = needles(pattern)

    @settings(max_examples=15, database=None, suppress_health_check=list(HealthCheck))
    @given(st.from_regex(pattern))
    def holds(text: str) -> None:
        match = pattern.search(text)
        assert match
        assert any(needle in fold(match[0]) for needle in needed)

    assert needed
    holds()


def test_folds_every_letter_that_a_pattern_holds_for_equal() -> None:
    """Dotless i, long s, Kelvin and capitals: each spelling of a needle's letter is that letter."""
    every = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))
    for letter in {letter for pattern in PATTERNS for text in needles(pattern) for letter in text}:
        for equal in re.findall(re.escape(letter), every, re.IGNORECASE):
            assert fold(equal) == letter


def test_lets_every_match_through_on_all_known_texts() -> None:
    """Searching the candidates alone finds what searching with every pattern finds."""
    sieve = Sieve(SIGNALS)
    for text in _known_texts():
        for sentence in (said.lower() for said in read(unify(text)).sentences):
            hits = {number for number, one in enumerate(SIGNALS) if one.search(sentence)}
            assert hits <= set(sieve.candidates(sentence)), sentence
        for guard in GUARDED:
            assert guard.is_in(text, fold(text)) is bool(guard.pattern.search(text))


def test_keeps_patterns_without_needles() -> None:
    """What nothing is known of is always searched, and the order is the patterns' own."""
    sieve = Sieve(map(re.compile, (r"\w", "hallo", "ok", r"\d+")))
    assert sieve.candidates("") == [0, 3]
    assert sieve.candidates("Hallo, ok") == [0, 1, 2, 3]
    assert Guarded(re.compile(r"\d")).is_in("7", "7")


@given(
    st.text(max_size=30),
    st.text("abc ,-\u00e4", min_size=12, max_size=80),
    st.text(max_size=30),
)
def test_hears_the_echo_of_every_looping_phrase(before: str, phrase: str, after: str) -> None:
    """A phrase four times over is met wherever it begins."""
    text = before + phrase * 4 + after
    assert damage._echoes(text)


@pytest.mark.parametrize("length", [12, 13, 80])
@pytest.mark.parametrize("before", range(12))
def test_hears_the_shortest_and_the_longest_phrase_that_loops(length: int, before: int) -> None:
    """What the dear pattern finds at its limits is heard first, wherever it stands."""
    phrase = "".join(map(chr, range(0x4E00, 0x4E00 + length)))
    text = "." * before + phrase * 4
    assert damage._PHRASE_LOOP.search(text)
    assert damage._echoes(text)


def test_hears_no_echo_in_prose() -> None:
    """The dear pattern is spared for an ordinary report."""
    assert not damage._echoes("Der Wallach springt sicher und gern, auch auf fremdem Platz.")


@pytest.mark.parametrize(("length", "expected"), [(119, False), (120, True)])
def test_knows_words_that_no_language_has(length: int, expected: bool) -> None:  # noqa: FBT001 - a table
    """The limit is the same with and without words around."""
    assert is_gibberish("a" * length) is expected
    assert is_gibberish(f"Ein Pferd. {'a' * length}, ja") is expected


def _known_texts() -> list[str]:
    """Return the corpus, the examples within a report, and changed copies of some of them."""
    names = ("aftertalk", "betrayals", "greetings", "harmless")
    texts = [path.read_bytes().decode() for path in sorted(CORPUS.glob("*/*/*")) if path.is_file()]
    texts += [report(inside=" ".join(examples(name))) for name in names]
    chance = random.Random(20)  # noqa: S311 - a sample, no secret
    return texts + [_changed(text, chance) for text in chance.sample(texts, 60)]


def _changed(text: str, chance: random.Random) -> str:
    letters = list(text)
    for _ in range(len(letters) // 20):
        letters[chance.randrange(len(letters))] = chance.choice(ODD)
    return "".join(letters)
