"""Refusals, apologies, failures: the model does not give what was paid for."""

from typing import Final

from domain.acceptance.phrases.signal import FACTS, signals

_MACHINE: Final = (
    r"(?:ki(?!-(?:gest|basi|gene|erst|unter|bewert))|künstliche intelligenz|(?:großes "
    r"|reines )?(?:ki-)?sprachmodell|ai\b|(?:virtueller|digitaler) assistent|chatbot)"
)
_CORE: Final = (
    r"(?:marktwert|preisspanne|wertermittlung|gutachten|kaufpreis|ihr(?:e|en)? (?:pferd|pony"
    r"|stute|wallach|hengst)|(?:\w*bewertung|einschätzung)(?! (?:der|des|seiner|ihrer|dieser)\b))"
)

_RIDING: Final = (
    r"parcours|wechsel|sprung|springen|abwurf|stange|gelände|dressur|prüfung|lektion|turnier"
    r"|galopp|trab\b"
)
_IN_RIDING: Final = r" (?:im|am|beim|in der|in den|über) (?!system|server|ablauf|betrieb|daten)"

REFUSAL: Final = signals(
    "refusal",
    (3.0, rf"\bals (?:ein\w? )?{_MACHINE}[^.]{{0,60}}\b(?:ich|mir|mich|mein\w*)\b"),
    (3.0, rf"\b(?:ich|mir|mich)\b[^.]{{0,30}}\bals (?:ein\w? )?{_MACHINE}"),
    (3.0, rf"\bich bin (?:nur |lediglich )?ein\w? (?:\w+ )?{_MACHINE}"),
    (
        3.0,
        (
            rf"\b(?:ich|mir)\b[^.]{{0,40}}\bkein\w{{0,2}} (?:\w+ )?(?:zugriff|zugang|marktdaten"
            rf"|{FACTS})\b"
        ),
    ),
    (
        3.0,
        (
            r"\b(?:zugriff|zugang)\b[^.]{0,60}\b(?:habe|besitze) ich\b[^.]{0,20}\bnicht"
            r"|\bwir\b[^.]{0,30}\bkein\w{0,2} (?:zugriff|zugang)\b"
        ),
    ),
    (
        3.0,
        (
            r"\banfrage\b[^.]{0,40}\b(?:verstößt|verstosst)|\bgegen (?:meine"
            r"|unsere) (?:\w+)?richtlinien"
        ),
    ),
    (
        3.0,
        (
            r"\banfrage\b[^.]{0,60}\b(?:nicht|kein\w{0,2})\b[^.]{0,30}\b(?:bearbeite|beantworte"
            r"|erfülle|nachkommen|entsprechen)"
        ),
    ),
    (2.0, r"\bkein\w{0,2} (?:zugriff|zugang) (?:auf|zu)\b[^.]{0,60}\b(?:daten|internet|markt)"),
    (3.0, r"\bmein(?:e|em|er|en)? (?:wissensstand|trainingsdaten|kenntnisstand|wissen|training)\b"),
    (3.0, r"\btrainingsdaten\b|wissensstichtag|knowledge cutoff|wissensstand (?:endet|reicht)"),
    (
        3.0,
        (
            r"\bas an ai\b|\bi(?:'m| am) (?:unable to|not able to|sorry,? (?:but|i))|\bi can(?:no"
            r"|')t (?:provide|help|assist|give)"
        ),
    ),
    (
        2.0,
        r"(?:muss|möchte|werde) ich\b[^.]{0,60}\b(?:ablehnen|abstand nehmen|verzichten|absehen)\b",
    ),
    (
        2.0,
        (
            r"\bich\b[^.]{0,60}\b(?:lehne|sehe)\b[^.]{0,60}\bab\b|\b(?:lehne"
            r"|sehe) ich\b[^.]{0,60}\bab\b"
        ),
    ),
    (
        2.0,
        (
            r"\bich\b[^.]{0,40}\bnicht (?:in der lage|imstande|befugt|berechtigt)"
            r"|\bmir\b[^.]{0,60}\bnicht möglich"
        ),
    ),
    (1.0, r"\bnicht in der lage, (?:ihnen |eine |einen |den |das )"),
)

DENIAL: Final = signals(
    "refusal",
    (
        3.0,
        (
            rf"\b(?:uns|wir)\b[^.]{{0,60}}\b(?:nicht"
            rf"|kein\w{{0,2}})\b[^.]{{0,40}}\b{_CORE}[^.]{{0,40}}\b(?:ermitteln|erstellen|abgeben"
            r"|nennen|bewerten|anbieten|liefern|möglich)"
        ),
    ),
    (
        3.0,
        (
            rf"\b(?:wir|uns)\b[^.]{{0,40}}\b{_CORE}[^.]{{0,40}}\b(?:nicht"
            rf"|kein\w{{0,2}})\b[^.]{{0,30}}\b(?:ermitteln|erstellen|abgeben|nennen|bewerten"
            r"|anbieten|liefern|möglich)"
        ),
    ),
    (
        3.0,
        (
            rf"\b(?:leider|bedauerlicherweise)\b[^.]{{0,80}}\bkein\w{{0,2}} (?:\w+ "
            rf")?{_CORE}[^.]{{0,60}}\b(?:erstell|abgegeben|angeboten|möglich|ermittelt|vorgenommen"
            r"|durchgeführt|geliefert)"
        ),
    ),
    (
        3.0,
        (
            rf"\b{_CORE}\b[^.]{{0,60}}\b(?:leider|bedauerlicherweise)\b[^.]{{0,40}}\bnicht "
            r"(?:erstell|abgegeben|angeboten|möglich|ermittelt|vorgenommen|durchgeführt"
            r"|geliefert)"
        ),
    ),
    (
        3.0,
        (
            r"\b(?:bewertung|analyse|gutachten|einschätzung"
            r"|anfrage)\b[^.]{0,60}\b(?:in bearbeitung|nachgeliefert|nachgereicht|per e-?mail"
            r"|zugesendet|zugestellt)\b"
        ),
    ),
    (
        3.0,
        (
            rf"\b(?:unerwarteter|interner|technischer) fehler\b(?!{_IN_RIDING})"
            rf"|^(?!.*(?:{_RIDING}|\bkeine? fehler)).{{0,200}}\bfehler\b[^.]{{0,30}}\baufgetreten"
            r"|\bfehler bei der (?:erstellung|verarbeitung|berechnung|generierung)"
        ),
    ),
    (
        3.0,
        (
            r"\bdie ki\b[^.]{0,30}\b(?:kein\w{0,2}|nicht)\b[^.]{0,30}\b(?:antwort|ergebnis"
            r"|geliefert|verfügbar)"
        ),
    ),
    (
        3.0,
        r"\b(?:sprachmodell|language model)\w{0,2}\b",
    ),
    (
        3.0,
        (
            r"\b(?:internal server error|service unavailable|bad gateway|rate limit"
            r"|try again later|timed? ?out|error \d{3})\b"
        ),
    ),
    (
        3.0,
        (
            r"\b(?:korrektur|entschuldigung)\b[^.]{0,20}\bich\b|\bich habe mich (?:vertan|geirrt"
            r"|verrechnet)|\bich habe oben\b"
        ),
    ),
    (
        3.0,
        (
            r"\b\w{0,12}(?:preis|wert|spanne|bewertung|einschätzung|zahl)\w{0,2}\b[^.]{0,30}"
            r"\b(?:ist|sind)\b[^.]{0,20}\b(?:hypothetisch|simuliert"
            r"|(?:nur |lediglich )?ein beispiel)"
        ),
    ),
    (
        3.0,
        (
            r"^(?!.*\b(?:exakt|genau|präzis|abschließend|endgültig|pauschal|final|allein|punkt)"
            r")(?:.{0,80}\b)?(?:eine?|der|die) (?:seriös\w+ |belastbar\w+ |verlässlich\w+ "
            r"|realistisch\w+ )?(?:marktwert|preisspanne|wertspanne|(?:markt)?wertermittlung|wert"
            r"|preis)\b[^.,]{0,80}\b(?:nicht|unmöglich)\b(?! ohne)[^.,]{0,20}"
            r"\b(?:bestimmen|bestimmbar|bestimmt|angegeben|angeben|möglich|ermitteln|ermittelt"
            r"|ermittelbar|genannt|nennen|benannt|beziffern|beziffert)(?: werden)?\W*$"
        ),
    ),
    (
        3.0,
        r"\b(?:hat|besitzt)\b[^.,]{0,30}\bkeinen (?:markt|handels|verkehrs)wert\b(?! (?:als|mehr))",
    ),
    (
        3.0,
        (
            r"\b(?:genannt|obig|angegeben|dies)\w{0,2} \w{0,12}(?:preis|wert|spanne|betr[aä]g|zahl"
            r"|angabe|bewertung)\w{0,3} (?:ist|sind) (?:\w+ )?(?:geraten|falsch|unsinn|erfunden"
            r"|bedeutungslos)\W*$"
        ),
    ),
    (
        3.0,
        (
            r"\b(?:beispiel|muster|demo|test)(?:bewertung|gutachten|zertifikat|einschätzung)\b"
            r"|\bist (?:nur |lediglich )?ein (?:test|demo|beispiel|muster)text\b"
            r"|\bfiktive[rn]? (?:markt)?(?:wert|preis|zahl|angabe|daten|beispiel)"
        ),
    ),
)

APOLOGY: Final = signals(
    "apology",
    (0.4, r"\b(?:leider|bedauerlicherweise|bedauerlich)\b"),
    (1.0, r"\b(?:tut|mir) (?:es )?(?:mir|leid)\b"),
    (
        2.0,
        r"\btut (?:es )?(?:mir|uns)\b[^.]{0,30}\bleid|\bes tut (?:mir|uns)\b|\b(?:mir|uns) leid\b",
    ),
    (
        2.0,
        (
            r"\b(?:wir|ich) (?:bitten|bitte)\b[^.]{0,60}\b(?:entschuldigung|verständnis"
            r"|verzeihung|nachsicht|geduld)"
        ),
    ),
    (2.0, r"\b(?:bitten|bitte) (?:wir|ich)\b[^.]{0,60}\b(?:entschuldigung|verständnis|geduld)"),
    (
        2.0,
        (
            r"\b(?:wir|ich) (?:entschuldige|bedauere?)\w*|\bentschuldigen sie (?:bitte )?(?:die"
            r"|den|das|diese)"
        ),
    ),
    (
        1.0,
        (r"^(?:entschuldigung|verzeihung|sorry)\b ?[,.!:]|\bunannehmlichkeit|um verständnis"),
    ),
    (
        2.0,
        (
            r"technische\w? (?:gründ|problem|störung|fehler|schwierigkeiten?)"
            rf"(?!\w{{0,3}}{_IN_RIDING})[^.]{{0,80}}(?:konnte|nicht|kein|bewertung|analyse|ergebnis|anfrage)"
        ),
    ),
    (
        2.0,
        (
            r"\baufgrund (?:eines |einer )?(?:technisch|intern|vorübergehend)\w* (?:problem"
            r"|fehler|störung|überlast)"
        ),
    ),
    (
        3.0,
        (
            r"\b(?:system|dienst|server|schnittstelle|ki)\b[^.]{0,60}\b(?:nicht (?:zur verfügung"
            r"|verfügbar|erreichbar)|ausgefallen|überlastet|gestört)"
        ),
    ),
    (
        2.0,
        (
            r"\b(?:service|auswertung|berechnung)\b[^.]{0,50}\b(?:nicht (?:zur verfügung"
            r"|verfügbar|erreichbar)|ausgefallen|überlastet|gestört)"
        ),
    ),
    (
        3.0,
        (
            r"\b(?:fallback|notfall|ersatz|standard)-?(?:bewertung|antwort|einschätzung|ergebnis"
            r"|verfahren|modus|text)"
        ),
    ),
    (2.0, r"\b(?:platzwert|platzhalterwert|standardwert|notfallmodus)"),
    (
        3.0,
        (
            r"\b(?:zahl|wert|preis|betr[aä]g|angabe"
            r"|spanne)\w{0,3}\b[^.]{0,60}\b(?:frei (?:erfunden|geschätzt)|fiktiv|platzhalter"
            r"|beispielwert|musterwert|erfunden|willkürlich|ohne (?:jede )?aussagekraft)"
        ),
    ),
    (
        2.0,
        (
            r"\bversuchen sie es (?:bitte )?(?:später|erneut|noch ?mal|noch einmal|zu einem"
            r"|in (?:einigen|wenigen|ein paar))|\b(?:später|erneut)\b[^.]{0,40}\bzu versuchen"
        ),
    ),
    (
        2.0,
        (
            r"\b(?:anfrage|vorgang|bestellung)\b[^.]{0,40}\b(?:später|erneut|noch einmal)\b"
            r"|\b(?:später|erneut)\b[^.]{0,30}\banfrage"
        ),
    ),
    (1.0, r"\bunser\w{0,2} (?:kundenservice|kundendienst|support|service-?team|team)\b|\bsupport@"),
    (
        2.0,
        (
            r"\bwir arbeiten (?:daran|mit hochdruck|bereits|an einer)"
            r"|\bsobald\b[^.]{0,40}\bwieder (?:verfügbar|erreichbar|zur verfügung)"
        ),
    ),
    (
        1.5,
        (
            r"\b(?:daten|angaben|auswertung|berechnung|analyse|bewertung|zielpreis|marktwert"
            r"|anfrage|ergebnis)\b[^.]{0,80}\bkonnten?\b[^.]{0,60}\bnicht\b[^.]{0,30}"
            r"\b(?:abgerufen|verarbeitet|berechnet|abgeschlossen|erstellt|generiert|geladen"
            r"|ermittelt|durchgeführt)"
        ),
    ),
    (
        1.5,
        (
            r"\bkonnten?\b[^.]{0,80}\b(?:nicht|kein\w{0,2})\b[^.]{0,60}\b(?:abgerufen|verarbeitet"
            r"|berechnet|abgeschlossen|erstellt|generiert|geladen|vorgenommen)\b"
        ),
    ),
    (
        1.5,
        r"\bmarktdaten\b[^.]{0,60}\bnicht\b|\bnicht auf einer individuellen|\bkeine individuelle",
    ),
    (2.0, r"\bhaben sie (?:bitte )?verständnis\b|\bschiefgelaufen\b|\bapologi[sz]e\b"),
    (
        3.0,
        (
            r"\bwir erstatten ihnen\b|\b(?:bewertung|gutachten|einschätzung)\b[^.]{0,40}\b"
            r"zahlungseingang"
        ),
    ),
    (2.0, r"\bmelden sie sich bei unser\w{0,2}\b|\bunser\w{0,2} (?:kundenservice|kundendienst)\b"),
)

ALL: Final = (*REFUSAL, *DENIAL, *APOLOGY)
