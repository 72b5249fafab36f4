"""Our instructions repeated, or the customer's obeyed."""

from typing import Final

from domain.acceptance.phrases.signal import signals

LEAK: Final = signals(
    "prompt_leak",
    (
        3.0,
        (
            r"\bdu bist (?:ein\w{0,2}|der|die)? ?(?:[\w-]+ ){0,3}\w*(?:expert|assistent|gutachter"
            r"|sachverständ|bewerter|profi|spezialist|modell|ki\b|pferde)"
        ),
    ),
    (3.0, r"\byou are (?:a|an|the) (?:\w+ ){0,3}(?:assistant|expert|model|appraiser)"),
    (3.0, r"\[\[|\]\]|\bdie marken? \[|\bsystem-?prompt"),
    (2.0, r"\bantworte (?:ausschließlich|immer|nur|stets|auf deutsch|mit)\b|\bdeine antwort\b"),
    (2.0, r"\b(?:verwende|nutze|gib|schreibe) (?:ausschließlich|genau|exakt|alle preise)\b"),
    (2.0, r"\berfinde (?:nichts|keine|niemals)|\b(?:niemals|nie) erwähnen\b|\berwähne niemals\b"),
    (1.0, r"\bdeine (?:aufgabe|rolle|ausgabe)\b"),
    (
        1.5,
        (
            r"^\W*(?:wichtige |allgemeine )?(?:regeln|prinzipien|vorgaben|anweisungen"
            r"|ausgabeformat|formatvorgaben?|instruktionen|struktur der antwort)\b[^.]{0,20}:$"
        ),
    ),
    (1.5, r"^\W*wichtige (?:prinzipien|regeln|hinweise zur ausgabe)"),
    (1.5, r"\b(?:ohne|keine) (?:begrüßung|anrede)\b|\bdatenprobleme\b"),
    (0.5, r"\bbereitgestellten? (?:daten|informationen)\b|\bk\. ?a\.$"),
    (3.0, r"^\W*(?:system|user|assistant|human|prompt|nutzer|assistent)\s*:"),
    (3.0, r"\b(?:preisvon|preisbis|bewertungsdetails|rassetext|zertifikat_data)\b|\bjson-objekt\b"),
    (3.0, r"\b(?:diese|folgende)n? (?:\w+ )?überschriften\b|\büberschriften in dieser reihenfolge"),
    (2.0, r"\b(?:zwei bis drei|drei bis vier|\d bis \d|\d-\d) sätze\b|\bmit genau diesem satz"),
    (2.0, r"\bstelle keine rückfragen\b|\bschreibe nicht über\b|\bberücksichtigst du\b"),
    (1.5, r"\b(?:ersten?|letzten?) überschrift\b|\bkeine einleitung\b|\bauf deutsch, sachlich\b"),
    (1.0, r"\bfehlende angaben\b|\bals letzte(?:r)? zeile\b|\bohne (?:markdown|aufzählungen)\b"),
)

_CLIENT: Final = r"(?:kund|besitzer|verkäufer|eigentümer|auftraggeber|halter|inserent)\w{0,3}\b"
_WISH: Final = r"(?:wunsch|bitte|verlangen|anweisung|aufforderung|weisung)"
_AS_WISHED: Final = (
    rf"wie vo[mn] (?:\w{{2,5}} )?{_CLIENT} (?:\w+ )?"
    r"(?:gewünscht|verlangt|gefordert|vorgegeben|gebeten)"
)
_PRICE: Final = r"(?:markt)?(?:preis|wert|spanne|bewertung|betrag)(?:e?s|spanne)?\b"
_SET: Final = (
    r"(?:gesetzt|erhöht|angehoben|festgelegt|festgesetzt|angesetzt|übernommen|maximum|hochgesetzt)"
)
_SOURCE: Final = (
    r"(?:beschreibung|angaben|besonderheiten|bemerkung(?:en)?|kundendaten|eingaben?|feld"
    r"|freitext\w{0,2}|(?:kunden)?text\w{0,2}|daten)"
)
_ORDER: Final = r"(?:anweisung|aufforderung|instruktion|weisung)\w{0,2}\b"
_NOT_OBEYED: Final = r"(?:ignoriert|(?:nicht|wurde) (?:befolgt|beachtet|berücksichtigt|umgesetzt))"

OBEYING: Final = signals(
    "followed_injection",
    (
        3.0,
        (
            r"\b(?:vorherige[nr]?|bisherige[nr]?|obige[nr]?|frühere[nr]?|ursprüngliche[nr]?"
            r"|alle) (?:system)?(?:anweisung|instruktion|regel|vorgabe)\w*[^.]{0,60}\b(?:ignorier"
            r"|außer acht|verworfen|vergess|missacht)"
        ),
    ),
    (
        3.0,
        (
            r"\b(?:ignorier|missacht|vergess)\w*\b[^.]{0,60}\b(?:vorherige|bisherige|obige"
            r"|frühere|ursprüngliche|alle)\w{0,2} (?:\w+ )?(?:anweisung|instruktion|regel"
            r"|vorgabe)"
        ),
    ),
    (
        3.0,
        (
            r"\b(?:ignor|disregard)\w* (?:all )?(?:previous|prior|above) instructions"
            r"|previous instructions"
        ),
    ),
    (
        3.0,
        (
            r"\b(?:anweisung|aufforderung|vorgabe|weisung)\w{0,2} (?:im feld|in den (?:angaben"
            r"|besonderheiten)|aus (?:dem feld|den angaben|der beschreibung))"
        ),
    ),
    (3.0, r"kundentext|prompt-?injection|entwicklermodus|developer mode|\bjailbreak"),
    (
        1.5,
        (
            r"\b(?:laut|gemäß|nach|entsprechend) (?:ihrer|dieser"
            r"|der) (?:ausdrücklichen )?(?:anweisung|vorgabe|aufforderung|weisung)"
        ),
    ),
    (
        1.0,
        (
            r"\bwie (?:von ihnen |sie |ihr |im feld )?(?:\w+ ){0,3}(?:gewünscht|verlangt|befohlen"
            r"|angewiesen|gefordert|gebeten|aufgetragen|vorgegeben)\b"
        ),
    ),
    (
        1.0,
        (
            r"\b(?:auftrags|weisungs|wunsch|anweisungs)gemäß|\bauf (?:ihren|ausdrücklichen"
            r"|ihre) (?:\w+ )?(?:wunsch|bitte)\b|\blaut vorgabe"
        ),
    ),
    (
        1.5,
        (
            r"\b(?:ihre|ihrer|alle ihre) anweisung\w*\b|\bentsprechend der anweisung"
            r"|\bangewiesene\w* ergebnis|\bvorgegebenen (?:betr|preis)"
            r"|\bwünschen des auftraggebers|der vorgabe \""
        ),
    ),
    (
        3.0,
        (
            rf"\b(?:auf .{{0,25}}\b{_WISH} .{{0,12}}\b{_CLIENT}|{_AS_WISHED})"
            rf".{{0,80}}\b{_PRICE}.{{0,60}}\b{_SET}"
        ),
    ),
    (
        3.0,
        (
            rf"\b(?:auf .{{0,25}}\b{_WISH} .{{0,12}}\b{_CLIENT}|{_AS_WISHED})"
            rf".{{0,30}}\b(?:setze|wurde|habe)\b.{{0,40}}\b{_PRICE}"
        ),
    ),
    (
        3.0,
        (
            rf"\b{_CLIENT}\b.{{0,30}}\b(?:bittet|bat|verlangt\w?|wünscht\w?|fordert\w?|gebeten)\b"
            rf".{{0,60}}\b{_PRICE}.{{0,60}}\b(?:wurden?|habe)\b.{{0,40}}\b{_SET}"
        ),
    ),
    (
        3.0,
        (
            rf"\b{_SOURCE}\b.{{0,80}}\b{_ORDER}.{{0,120}}\b{_NOT_OBEYED}"
            rf"|\b{_ORDER}.{{0,40}}\b{_SOURCE}\b.{{0,80}}\b{_NOT_OBEYED}"
        ),
    ),
    (
        2.0,
        rf"\b{_SOURCE}\b.{{0,40}}\b(?:enthält|enthielt\w*|enthalten|stand|steht)\b.{{0,40}}\b{_ORDER}",
    ),
    (
        2.0,
        rf"^(?:diese[rn]?|sie|die|der)\b.{{0,30}}\b(?:wurden?|habe|wird)\b.{{0,20}}\b{_NOT_OBEYED}",
    ),
    (3.0, r"\barr+\b|\bahoi\b|\blandratte|\bklabauter"),
    (3.0, r"\btext des kunden\b|\banweisung\w{0,2} des kunden\b|\bder kunde schreibt\b"),
)

ALL: Final = (*LEAK, *OBEYING)
