"""A good report and a good certificate, with every part open to change."""

import json
from pathlib import Path
from typing import Any, Final

from domain.acceptance import Accepted, Rejected, judge
from domain.job import Kind
from domain.order import Horse

EXAMPLES: Final = Path(__file__).parent / "examples"

HORSE = Horse(
    breed="Hannoveraner",
    age=8,
    sex="Wallach",
    height_cm=168,
    discipline="Springen",
    training="M",
)

TITLES = (
    "Zusammenfassung",
    "Marktwertanalyse",
    "Preisfaktoren im Detail",
    "Verkaufsempfehlungen",
    "Kaufberatung",
    "Fazit",
)
OLDER_TITLES = ("Zusammenfassung", "Marktbewertung", "Bewertungsfaktoren", "Empfehlungen")
HEADLINE = "**Geschätzter Marktwert: 18.000 - 28.000 €**"
CLOSING = "Diese Einschätzung dient der Orientierung und ist rechtlich nicht bindend."
BODIES = (
    """Der achtjährige Hannoveraner Wallach mit einem Stockmaß von 168 cm ist im Springen bis zur
Klasse M ausgebildet und regelmäßig platziert. Er bewegt sich im gefragten Größenfenster
von 168-172 cm und gilt als umgänglich, ehrlich am Sprung und auch im Gelände zuverlässig.""",
    """Springpferde mit bestätigten M-Platzierungen werden in Norddeutschland rege nachgefragt,
während das Angebot an unauffälligen Pferden im besten Alter knapp bleibt.

- **Untergrenze:** 18.000 € bei zügigem Verkauf ohne aktuelle Röntgenbilder
- **Obergrenze:** 28.000 € mit aktueller Ankaufsuntersuchung und weiteren Schleifen
- **Empfohlener Zielpreis:** 23.500 €

Rohe Pferde ähnlicher Abstammung kosten 7.000 - 10.000 €, fertige S-Pferde ein Vielfaches
davon.""",
    """- **Rasse und Abstammung:** Die Linie ist für Springvermögen bekannt und hebt den Wert.
- **Alter:** Mit acht Jahren steht der Wallach am Beginn seiner leistungsstärksten Zeit.
- **Ausbildung:** Platzierungen bis zur Klasse M** sind belegt, die Dressur ist auf L-Niveau
  gefestigt.
- **Gesundheit:** Eine AKU liegt nicht vor, daher bleibt ein üblicher Abschlag von 5 bis 10
  Prozent.
- **Charakter:** Schmiedefromm, verladefromm, im Umgang leider etwas verfressen.""",
    """1. Lassen Sie vor dem Inserat eine große Ankaufsuntersuchung anfertigen (800 - 1.500 €).
2. Zeigen Sie den Wallach im Video über einem Parcours und auf dem Abreiteplatz.
3. Inserieren Sie im Frühjahr, wenn die Saison beginnt, und bleiben Sie beim Preis zunächst
  fest.

Planen Sie acht bis zwölf Wochen für die Vermittlung ein.""",
    """Reiten Sie das Pferd an zwei verschiedenen Tagen Probe, einmal davon auf fremdem Platz.
Lassen Sie die Beugeproben wiederholen und vorhandene Bilder von einem zweiten Tierarzt
beurteilen. Das obere Ende der Spanne ist nur mit lückenlosen Unterlagen gerechtfertigt,
ohne Befundlage sollte der Preis deutlich darunter liegen.""",
    """Der Wallach ist ein marktgängiges Springpferd für ambitionierte Amateure. Mit aktuellen
Unterlagen ist ein Abschluss nahe dem Zielpreis realistisch, ohne sie eher an der
Untergrenze.""",
)


def examples(name: str) -> list[str]:
    """Read one example per line; a literal backslash-n stands for a line break."""
    lines = (EXAMPLES / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line.replace("\\n", "\n") for line in lines]


def report(
    *,
    headline: str = HEADLINE,
    closing: str = CLOSING,
    titles: tuple[str, ...] = TITLES,
    marks: str = "### {}",
    before: str = "",
    after: str = "",
    inside: str = "",
) -> str:
    """Build a report. `inside` is a sentence in the middle of the selling advice."""
    bodies = dict(zip(TITLES, BODIES, strict=True))
    bodies[TITLES[0]] = f"{headline}\n\n{BODIES[0]}"
    bodies[TITLES[3]] = f"{BODIES[3]}\n\n{inside}"
    bodies[TITLES[5]] = f"{BODIES[5]}\n\n{closing}"
    parts = [
        f"{marks.format(shown)}\n\n{bodies[name]}"
        for name, shown in zip(TITLES, titles, strict=True)
    ]
    return before + "\n\n".join(parts) + after


def older_report(*, titles: tuple[str, ...] = OLDER_TITLES, headline: str = HEADLINE) -> str:
    """Build a report of the older layout: four sections, the price in the second one."""
    bodies = (
        BODIES[0],
        f"{headline}\n\n{BODIES[1]}",
        BODIES[2],
        f"{BODIES[3]}\n\n{BODIES[4]}\n\n{BODIES[5]}\n\n{CLOSING}",
    )
    return "\n\n".join(f"### {title}\n\n{body}" for title, body in zip(titles, bodies, strict=True))


def certificate(**changes: Any) -> dict[str, Any]:
    """Build a certificate; names of texts change `bewertungsDetails`, others the top level."""
    details = {
        "rasseText": "Hannoveraner sind gefragte Sportpferde. Ihre Vermarktung gelingt schnell.",
        "abstammungText": "Der Vater vererbt Springvermögen. Die Mutter brachte zwei S-Pferde.",
        "ausbildungText": "Der Wallach ist bis Klasse M** platziert. Seine Rittigkeit wird gelobt.",
        "gesundheitText": "Einschränkende Befunde liegen nicht vor. Das Alter ist ideal.",
        "fazit": "Der Wallach ist ein vielseitiges Springpferd. Die Spanne bildet Alter, Ausbildung"
        " und Nachfrage ab. Mit aktuellen Röntgenbildern ist das obere Ende erreichbar.",
    }
    top: dict[str, Any] = {"preisVon": 18000, "preisBis": 28000, "haupteignung": "Springen"}
    top["bewertungsDetails"] = details | {k: v for k, v in changes.items() if k in details}
    return top | {k: v for k, v in changes.items() if k not in details}


def valued(text: str, horse: Horse = HORSE) -> Accepted | Rejected:
    return judge(Kind.VALUATION, horse, text)


def certified(data: Any, horse: Horse = HORSE) -> Accepted | Rejected:
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return judge(Kind.CERTIFICATE, horse, text)


def reasons(verdict: Accepted | Rejected) -> tuple[str, ...]:
    return verdict.reasons if isinstance(verdict, Rejected) else ()
