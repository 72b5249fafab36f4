"""Talk with the customer or about the work: asking, offering, thanking, thinking aloud."""

from typing import Final

from domain.acceptance.phrases.signal import FACTS, signals

_GIVE_SIE: Final = (
    r"(?:teilen|senden|schicken|nennen|schreiben|geben|beantworten|übermitteln|reichen|laden"
    r"|stellen|ergänzen) sie"
)

ASKING: Final = signals(
    "asks_customer",
    (3.0, rf"\b{_GIVE_SIE} (?:mir|uns)\b"),
    (
        2.0,
        (
            rf"\b{_GIVE_SIE} bitte\b[^.]{{0,60}}\b(?:mir|uns|{FACTS})\b"
            rf"|\bbitte {_GIVE_SIE}\b[^.]{{0,40}}\b(?:folgende|fehlende|nachfolgende|weitere|noch)"
        ),
    ),
    (
        3.0,
        (
            rf"\b(?:ich|wir)\b[^.]{{0,30}}\b(?:benötigen?|brauchen?"
            rf"|bräuchten?)\b[^.]{{0,60}}\b{FACTS}"
        ),
    ),
    (
        3.0,
        (
            r"\b(?:benötige|brauche|bräuchte|benötigen|brauchen|bräuchten) (?:ich"
            rf"|wir)\b[^.]{{0,60}}\b{FACTS}"
        ),
    ),
    (
        3.0,
        (
            r"\bmir\b[^.]{0,60}\b(?:senden|schicken|mitteilen|nennen|zukommen|übermitteln"
            r"|zusenden|verraten)\b"
        ),
    ),
    (
        2.0,
        (
            r"\b(?:sobald|wenn|damit) (?:mir|uns|ich|wir)\b[^.]{0,80}\b(?:vorliegen|habe|haben"
            r"|kann|können|erhalten)\b"
        ),
    ),
    (2.0, rf"\bnach (?:eingang|erhalt) (?:ihrer|dieser|der) (?:fehlenden |weiteren )?{FACTS}"),
    (3.0, rf"\b(?:mir|uns) (?:fehlen|fehlt)\b[^.]{{0,60}}\b{FACTS}"),
    (
        2.0,
        (
            r"\b(?:reichen|laden|senden|schicken|übermitteln"
            r"|ergänzen) sie\b(?![^.]*(?:interessent|käufer|tierarzt|klinik"
            r"|verband))[^.]{0,80}\b(?:nach|hoch|ein|mit)\b[^.]{0,10}$"
        ),
    ),
    (
        3.0,
        (
            r"\bihre (?:eingaben|angaben)\b[^.]{0,30}\b(?:unvollständig|nicht ausreichend"
            r"|zu knapp|unzureichend)"
        ),
    ),
    (
        1.5,
        (
            r"\bfür eine (?:genauere|präzisere|exaktere|individuelle) (?:analyse|bewertung"
            r"|einschätzung)\b[^.]{0,40}\b(?:laden|senden|schicken|reichen|nennen) sie"
        ),
    ),
    (
        1.5,
        (
            r"\bbitte (?:ergänzen|beantworten|antworten|vervollständigen) sie\b"
            rf"|\bmit den fehlenden {FACTS}"
        ),
    ),
    (3.0, r"\bbitte laden sie\b[^.]{0,60}\bhoch\b|\bum fortzufahren\b|\bbestätigen sie bitte\b"),
    (
        1.5,
        (
            r"^\W*(?:wie|welche\w?|wann|wo|hat|ist|gibt|wurde|liegt)\b[^?]{0,80}\bihr(?:e|en|em)? "
            r"(?:pferd|pony|wallach|stute|hengst|fohlen)\b[^?]{0,80}\?$"
        ),
    ),
)

META: Final = signals(
    "meta_talk",
    (3.0, r"\bich hoffe\b|\bhoffentlich (?:hilft|helfen|konnte ich)|\bhope this helps\b"),
    (
        3.0,
        (
            r"\b(?:soll|darf|kann) ich (?:ihnen|dir|noch|auch|gerne?|zusätzlich|eine|einen|das"
            r"|die)\b[^.]{0,120}\?"
        ),
    ),
    (3.0, r"\b(?:möchten|wünschen|wollen) sie,? dass ich\b|\b(?:möchtest|willst) du,? dass ich\b"),
    (3.0, r"\bgerne? \w+ ich\b|\b(?:kann|könnte|würde) ich (?:ihnen )?(?:gerne?|auch|noch)\b"),
    (
        3.0,
        (
            r"\bich (?:\w+ )?(?:helfe|unterstütze|berate|beantworte|wünsche|stehe|formuliere"
            r"|erstelle|ergänze|überarbeite|passe)\b"
        ),
    ),
    (
        3.0,
        (
            r"\b(?:helfe|unterstütze|beantworte|wünsche|formuliere|erstelle|ergänze|überarbeite"
            r"|verfeinere|passe) ich\b"
        ),
    ),
    (
        3.0,
        (
            r"\b(?:wenn|falls|sofern) (?:sie|du)\b[^.]{0,60}\b(?:kann|könnte|werde|würde) ich\b"
            r"|\bhabe ich (?:ihre|die|alle) (?:\w+ )?(?:angaben|daten|informationen)"
        ),
    ),
    (
        1.5,
        (
            r"\bhaben sie (?:noch )?(?:weitere )?fragen\b|\bsonst noch etwas\b|\b(?:kann|darf"
            r"|soll) ich\b[^.]{0,80}\?"
        ),
    ),
    (3.0, r"\b(?:gib|sag|schreib|nenn)e? mir\b"),
    (3.0, r"\bstehe ich\b[^.]{0,60}\bzur verfügung|\bich stehe\b[^.]{0,60}\bzur verfügung"),
    (
        3.0,
        (
            r"\blassen sie (?:es )?mich\b|\blass (?:es )?mich\b|\bsagen sie mir\b"
            r"|\bgeben sie mir (?:einfach )?bescheid|\blet me know\b"
        ),
    ),
    (
        3.0,
        (
            r"\b(?:vielen|herzlichen|besten) dank für (?:ihr|dein|die"
            rf"|das)\w{{0,3}} (?:\w+ )?(?:anfrage|nachricht|vertrauen|interesse|auftrag|{FACTS})"
        ),
    ),
    (2.0, r"\b(?:danke|wir danken|ich danke|bedanken uns|bedanke mich)\b"),
    (
        2.0,
        (
            r"selbstprüfung|selbstcheck|selbstkontrolle|wort(?:an)?zahl\b|zeichen(?:an)?zahl\b"
            r"|systemanweisung|system-?prompt|system-?nachricht"
        ),
    ),
    (
        1.5,
        (
            r"^\W*(?:anmerkung|hinweis|notiz)\W+(?:die|diese) (?:bewertung|antwort|struktur"
            r"|ausgabe) (?:wurde|entspricht|folgt|enthält|hält)"
        ),
    ),
    (
        2.0,
        (
            r"(?:gewünscht|gefordert|vorgegeben|verlangt)\w{0,2} (?:format|struktur|gliederung"
            r"|aufbau|länge|schlusssatz)"
        ),
    ),
    (
        2.0,
        (
            r"\b(?:innerhalb|gemäß|laut|entsprechend) (?:der|den|ihrer?n?) (?:vorgabe"
            r"|formatvorgabe|anforderung|anweisung|instruktion)"
        ),
    ),
    (
        1.5,
        (
            r"\b(?:alle|sämtliche) (?:\w+ )?(?:abschnitte|anforderungen|vorgaben|punkte) (?:sind "
            r"|wurden )?(?:enthalten|erfüllt|eingehalten|berücksichtigt)|schlusssatz\b"
            r"|ohne begrüßung"
        ),
    ),
    (
        3.0,
        (
            r"\b(?:der|die) (?:nutzer|nutzerin|user|anwender|kunde|kundin)\b[^.]{0,40}\b(?:möchte"
            r"|will|wünscht|bittet)\b[^.]{0,40}\b(?:bewertung|antwort|einschätzung|analyse"
            r"|bericht|text|abschnitt|preis\b)"
        ),
    ),
    (
        2.0,
        (
            r"\b(?:der|die) (?:nutzer|nutzerin|user|anwender)\b[^.]{0,40}\b(?:möchte|will|hat"
            r"|fragt|wünscht|bittet|gibt)"
        ),
    ),
    (
        2.0,
        (
            r"\bmarkdown\b|\bjson\b|\bmax_tokens\b|\bthe user\b|\blet me\b|\bstep by step\b"
            r"|\bi (?:will|need|should|must)\b"
        ),
    ),
    (
        2.0,
        (
            r"^(?:okay|ok|alles klar|verstanden|absolut|natürlich|selbstverständlich|gerne?|klar"
            r"|sicher)\b ?[,.!:]"
        ),
    ),
    (
        2.0,
        (
            r"\b(?:lass mich|lassen sie mich)\b|^(?:zunächst|zuerst|jetzt|nun) (?:analysiere"
            r"|überlege|prüfe|erstelle|schreibe|formuliere) ich"
        ),
    ),
    (
        1.5,
        (
            r"^(?:hier (?:ist|sind|finden sie|folgt|kommt|die|eine?)|im folgenden (?:finden"
            r"|erhalten)|nachfolgend (?:finden|erhalten)|anbei)\b[^.]{0,120}(?:bewertung"
            r"|einschätzung|analyse|gutachten|bericht|json)"
        ),
    ),
    (
        3.0,
        (
            r"^(?:sehr geehrte|liebe[rs]? (?:frau|herr|kund|pferde)|guten (?:tag|morgen|abend)\b"
            r"|hallo\b|mit freundlichen grüßen|(?:herzliche|beste|freundliche|viele) grüße)"
        ),
    ),
    (3.0, r"^(?:sure|certainly|of course|absolutely|here is|here's)\b"),
    (
        3.0,
        (
            r"^(?:okay|ok|alles klar|verstanden|absolut)\b ?[,.!:]|\b(?:im|laut|vom|des|dem) "
            r"prompts?\b"
        ),
    ),
    (1.5, r"\beingabedaten\b|\bpferdedaten\b|\bausgabeformat\b"),
)

PROCESS: Final = signals(
    "meta_talk",
    (
        3.0,
        (
            r"\b(?:zuerst|zunächst|dann|nun|jetzt|anschließend) (?:muss|werde|analysiere|schreibe"
            r"|erstelle|ermittle|prüfe|formuliere|berechne) ich\b"
        ),
    ),
    (
        3.0,
        (
            r"\bich (?:schreibe|analysiere|überlege|werde|formuliere|muss|müsste|soll|freue"
            r"|drücke|bin gespannt)\b|\b(?:muss|müsste|soll) ich\b(?![^.]*\?)"
        ),
    ),
    (3.0, r"^(?:hmm+|ähm|moment mal|wait|puh)\b|\bgern geschehen\b"),
    (
        3.0,
        (
            r"\b(?:dieser text|diese bewertung|antwort|umfang)\b[^.]{0,30}\b\d{2,4} (?:wörter"
            r"|worte|zeichen)\b|\b(?:generiert|erstellt|erzeugt) (?:mit|von|durch) (?:gpt|chatgpt"
            r"|claude|gemini|openai|anthropic|google)"
        ),
    ),
    (
        3.0,
        (
            r"\b(?:bewerten|beantworten) sie diese (?:antwort|nachricht)"
            r"|\bantworten sie (?:einfach |mir )?auf (?:diese|meine|folgende)\b"
            r"|\bdiese (?:antwort|nachricht)\b"
        ),
    ),
    (3.0, r"\bgpt-?\d|\bchatgpt\b|\bopenai\b|\blarge language|\bsystem-?prompt"),
    (
        2.0,
        (
            r"\b(?:angeforderte|gewünschte|erbetene|beauftragte)\w{0,2} (?:\w*bewertung"
            r"|\w*einschätzung|\w*analyse|gutachten)"
        ),
    ),
)

ALL: Final = (*ASKING, *META, *PROCESS)
