"""Telling a report from somebody who refuses, apologises, asks or chats."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from domain.acceptance.closing import is_reservation
from domain.acceptance.phrases import ALL, ENOUGH
from domain.acceptance.reading import Reading
from domain.acceptance.sieve import Sieve
from domain.acceptance.text import split_sentences, words

_USUAL_LENGTH: Final = 5000
"""Characters; longer reports contain more caution without refusing anything."""

_QUOTED: Final = re.compile(r"\"[^\"\n]{1,300}\"")
_PRODUCT: Final = re.compile(
    r"\b(?:\w*bewertung|einschätzung|\w*schätzung|gutachten|\w*ermittlung|marktwert\w{0,12}"
    r"|preis(?:es|e)?|\w{0,10}preis(?:e?s|angabe|spanne|grenze|gestaltung)?|wert(?:es|e|aussage)?"
    r"|zahl|analyse|empfehlung(?:en)?|begründung|aussage|zertifikat|ergebnis)\b"
)
_UNABLE: Final = re.compile(
    r"\b(?:kann|können|konnten?|könnten?|darf|dürfen|vermag|lässt sich|lassen sich|ließ sich|ist"
    r"|sind|war|waren|wird|wurden?|liegt|muss|müssen|habe|haben)\b"
)
_NEGATED: Final = re.compile(r"\b(?:nicht|kein\w{0,2}|weder|außerstande|unmöglich)\b")
_ACT: Final = re.compile(
    r"\b(?:erstell\w{1,3}|abgeben|abgegeben|abzugeben|ermitteln|ermittelt|zu bestimmen|bestimmen"
    r"|berechne[nt]|durchführen|durchgeführt|generieren|generiert|bereitstellen|bereitgestellt"
    r"|liefern|geliefert|nennen|genannt|beziffern|vornehmen|vorgenommen|möglich|festlegen"
    r"|anbieten|geben|treffen|begründen|ableiten|beurteilen|einschätzen|übernehmen|sagen|benennen"
    r"|äußern)\b"
)
_AUTHOR: Final = re.compile(r"\b(?:ich|mir|mich|mein(?:e[mnrs]?)?)\b(?!-)")
_TO_THE_READER: Final = re.compile(
    r"\b(?:ihnen|sie|dir|dich|du)\b|\bsoll ich\b|\bich (?:sonst )?noch\b"
)
_WE_CAN_NOT: Final = re.compile(
    r"\b(?:können|konnten|dürfen|müssen) wir\b|\bwir (?:\w+ )?(?:können|konnten|dürfen|müssen"
    r"|sehen)\b|\buns\b"
)
_ASKED_OF_ONESELF: Final = re.compile(r"\b(?:fragen|überlegen) sie sich\b")
_AUTHOR_MAY_NOT: Final = re.compile(r"\b(?:kann|darf|könnte|vermag|konnte|bin|fehlen|fehlt)\b")
_ADVISES: Final = re.compile(
    r"\b(?:empfehlen|raten|erkennen|ausschließen|empfehle|rate|sehe|schätze|halte|erwarte|bewerte"
    r"|taxiere|würde|gehe|beurteile|setze|komme|ordne|stufe|kalkuliere|veranschlage|denke|glaube"
    r"|finde|weise|mein\w{0,2} (?:sicht|einschätzung|erfahrung|meinung|ansicht|erachtens|rat|tipp"
    r"|empfehlung|fazit|urteil))\b"
)
"""What an expert says of himself. Any other "ich" is somebody at work, in a chat or in doubt."""

_SIEVE: Final = Sieve(signal.pattern for signal in ALL)
_QUALIFIED: Final = re.compile(
    r"\b(?:exakt|punktgenau|genau|abschließend|endgültig|pauschal|präzise|belastbar|seriös|final"
    r"|höher|darüber|zusätzlich|detailliert|näher|allein|ohne (?:aku|ankaufsuntersuchung|befund"
    r"|papiere|röntgen))\w{0,2}\b"
)


def faults(reading: Reading) -> Iterator[str]:
    """Name every tone the text is caught in: by one clear sentence or by many faint ones."""
    many = ENOUGH * max(1.0, len(reading.text) / _USUAL_LENGTH)
    totals: defaultdict[str, float] = defaultdict(float)
    clear: set[str] = set()
    for sentence in _own_sentences(reading):
        for reason, weight in weighed(sentence).items():
            totals[reason] += weight
            if weight >= ENOUGH:
                clear.add(reason)
    yield from sorted(clear | {reason for reason, total in totals.items() if total >= many})


def weighed(sentence: str) -> dict[str, float]:
    """Sum the weights per reason of one plain sentence."""
    said = _in_the_authors_voice(sentence)
    weights: defaultdict[str, float] = defaultdict(float)
    for number in _SIEVE.candidates(said):
        signal = ALL[number]
        if signal.pattern.search(said):
            weights[signal.reason] += signal.weight
    if _AUTHOR.search(said) and not _ADVISES.search(said):
        weights["meta_talk"] += ENOUGH
    weights["refusal"] += _refusal(said)
    if weights["refusal"] and is_reservation(sentence) and not _AUTHOR.search(said):
        # "Keine Bewertung eines Sachverständigen" is what the closing sentence has to say.
        del weights["refusal"]
    return weights


def _own_sentences(reading: Reading) -> Iterator[str]:
    """Leave out quoted speech, unless a whole paragraph is one quote and thus the report's own."""
    for paragraph in reading.paragraphs:
        told = _QUOTED.sub('""', paragraph.line)
        is_own = told != paragraph.line and words(told)
        yield from split_sentences(told) if is_own else paragraph.sentences


def _in_the_authors_voice(sentence: str) -> str:
    """A question in the first person that addresses nobody is one the buyer should ask himself."""
    said = _ASKED_OF_ONESELF.sub("", sentence.lower())
    if said.rstrip(" \"'").endswith("?") and not _TO_THE_READER.search(said):
        return _AUTHOR.sub("man", said)
    return said


def speaks(sentence: str) -> bool:
    """Say whether the author speaks of himself in a plain sentence."""
    return bool(_AUTHOR.search(_in_the_authors_voice(sentence)))


def _refusal(said: str) -> float:
    """Weigh "can not give the thing that was bought": who speaks, what is denied, how far.

    One such sentence is caution that good reports contain; it takes a speaker, or several.
    """
    if not (_NEGATED.search(said) and _UNABLE.search(said)):
        return 0.0
    denied = bool(_PRODUCT.search(said) and _ACT.search(said))
    if _AUTHOR.search(said) and not _ADVISES.search(said):
        return ENOUGH if denied or _AUTHOR_MAY_NOT.search(said) else 0.0
    if not denied:
        return 0.0
    weight = 1.5 if _WE_CAN_NOT.search(said) else 1.0
    return weight / 2 if _QUALIFIED.search(said) else weight
