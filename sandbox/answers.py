"""Good answers: German valuations and certificates that differ from horse to horse."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from sandbox.horses import Horse

SECTIONS = (
    "Zusammenfassung",
    "Marktwertanalyse",
    "Preisfaktoren im Detail",
    "Verkaufsempfehlungen",
    "Kaufberatung",
    "Fazit",
)
CLOSING = "Diese Bewertung ist eine unverbindliche Markteinschätzung und rechtlich nicht bindend."


def euros(amount: int) -> str:
    """18500 -> '18.500'."""
    return f"{amount:,}".replace(",", ".")


def headline(low: int, high: int) -> str:
    return f"**Geschätzter Marktwert: {euros(low)} - {euros(high)} €**"


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    text: str

    def __str__(self) -> str:
        return f"### {self.title}\n\n{self.text}"


def valuation(horse: Horse) -> str:
    """Markdown with the six sections in order; 600 to 900 words."""
    return "\n\n".join(str(section) for section in sections(horse))


def sections(horse: Horse) -> list[Section]:
    rng = random.Random(horse.seed)
    writers = (_summary, _market, _factors, _selling, _buying, _verdict)
    return [
        Section(title, write(horse, rng)) for title, write in zip(SECTIONS, writers, strict=True)
    ]


def _subject(horse: Horse) -> str:
    article = "Die" if horse.sex.lower().startswith("stute") else "Der"
    if horse.age == 0:
        return f"Das Fohlen der Rasse {horse.breed}"
    return f"{article} {horse.age}-jährige {horse.sex} der Rasse {horse.breed}"


def _target(horse: Horse) -> int:
    low, high = horse.price_range
    return round((low * 0.45 + high * 0.55) / 500) * 500


def _level(horse: Horse) -> str:
    short = len(horse.training) <= 2
    return f"Klasse {horse.training}" if short else f"Stand „{horse.training}“"


def _summary(horse: Horse, rng: random.Random) -> str:
    appeal = rng.choice(
        (
            "spricht damit sowohl ambitionierte Amateure als auch erfahrene Freizeitreiter an",
            "ist für einen klar umrissenen, kaufkräftigen Interessentenkreis attraktiv",
            "bringt Eigenschaften mit, die im aktuellen Angebot nicht im Überfluss vorhanden sind",
        )
    )
    return (
        f"{headline(*horse.price_range)}\n\n"
        f"{_subject(horse)} ist mit einem Stockmaß von {horse.height} cm und der Haupteignung "
        f"{horse.discipline} klar einzuordnen und {appeal}. Der Ausbildungsstand "
        f"({_level(horse)}) steht in einem stimmigen Verhältnis zum Alter. Die genannte Spanne "
        f"bildet ab, was für vergleichbare Pferde {horse.market} bei sorgfältiger Vermarktung "
        "tatsächlich gezahlt wird, und berücksichtigt die übliche Differenz zwischen "
        "Inseratspreis und Abschluss."
    )


def _market(horse: Horse, rng: random.Random) -> str:
    low, high = horse.price_range
    demand = rng.choice(
        (
            "Die Nachfrage verteilt sich ungleich über das Jahr und zieht ab Februar deutlich an.",
            "Käufer vergleichen heute überregional und entscheiden nach Video und Befund.",
            "Gut vorbereitete Angebote verkaufen sich zügig, unvorbereitete stehen monatelang.",
        )
    )
    return (
        f"Der Markt für Pferde mit der Ausrichtung {horse.discipline} ist {horse.market} stabil. "
        f"{demand} Entscheidend sind Rittigkeit, ein nachvollziehbarer Werdegang und der "
        "Gesundheitsstatus; Abstammung und Optik wirken verstärkend, ersetzen diese Punkte "
        "jedoch nicht.\n\n"
        f"- **Untere Preisgrenze**: {euros(low)} € bei zügigem Verkauf, ohne aktuelle "
        "Ankaufsuntersuchung und ohne jüngere Leistungsnachweise.\n"
        f"- **Obere Preisgrenze**: {euros(high)} € bei einwandfreiem Befund, gutem "
        "Videomaterial und einem Käufer, der genau diesen Typ sucht.\n"
        f"- **Realistischer Zielpreis**: {euros(_target(horse))} €, erreichbar innerhalb von "
        f"{rng.choice(('acht bis zwölf', 'sechs bis zehn', 'zehn bis vierzehn'))} Wochen.\n\n"
        "Vergleichbare Pferde mit geringerer Ausbildung liegen spürbar darunter, während "
        "bestätigte Erfolge auf dem nächsthöheren Niveau die Spanne nach oben verschieben. "
        f"Für die Rasse {horse.breed} zeigt sich dabei, dass Käufer Verlässlichkeit im Alltag "
        "inzwischen höher gewichten als spektakuläre Einzelmomente."
    )


def _factors(horse: Horse, rng: random.Random) -> str:
    pedigree = (
        f"Die Abstammung ({horse.pedigree}) ist Käufern ein Begriff und erleichtert die Einordnung."
        if horse.pedigree
        else "Die Zugehörigkeit zur Rasse wird von Käufern mit klaren Erwartungen verbunden."
    )
    return (
        "**Wertsteigernde Faktoren**\n\n"
        f"- **Alter**: {_age_remark(horse)}\n"
        f"- **Ausbildung**: {_level(horse)} ist für viele Käufer ein "
        "verlässlicher Ausgangspunkt, weil der weitere Weg planbar bleibt.\n"
        f"- **Größe**: Mit {horse.height} cm passt das Pferd zu einer breiten Gruppe von "
        "Reiterinnen und Reitern.\n"
        f"- **Abstammung**: {pedigree}\n"
        f"- **Geschlecht**: {_sex_remark(horse)}\n\n"
        "**Preisdämpfende Faktoren**\n\n"
        "- **Gesundheitsnachweis**: Ohne frische Röntgenbilder kalkulieren Käufer einen "
        f"Sicherheitsabschlag von {rng.choice(('8-12', '10-15', '5-10'))} % ein.\n"
        "- **Leistungsnachweise**: Aktuelle Ergebnisse oder Videos aus fremder Umgebung würden "
        "die Argumentation in der Verhandlung stützen.\n"
        "- **Wettbewerb**: In dieser Preisklasse werden laufend ähnliche Pferde angeboten, "
        "weshalb Präsentation und Erreichbarkeit des Verkäufers den Ausschlag geben können."
    )


def _age_remark(horse: Horse) -> str:
    if horse.age <= 3:
        return "Das junge Alter lässt jede Entwicklung offen und reizt Ausbilder wie Züchter."
    if horse.age <= 11:
        return (
            f"Mit {horse.age} Jahren verbindet das Pferd Routine mit vielen nutzbaren Jahren, "
            "eine besonders gefragte Kombination."
        )
    return (
        f"Mit {horse.age} Jahren bietet das Pferd Erfahrung und Gelassenheit, was gerade "
        "Wiedereinsteiger schätzen."
    )


def _sex_remark(horse: Horse) -> str:
    sex = horse.sex.lower()
    if sex.startswith("stute"):
        return "Die spätere Zuchtnutzung einer Stute erhält einen Teil des Werts auf Dauer."
    if sex.startswith("hengst"):
        return "Ein Hengst spricht einen kleineren, dafür fachkundigen Käuferkreis an."
    return "Wallache gelten als unkompliziert in der Haltung und sind entsprechend begehrt."


def _selling(horse: Horse, rng: random.Random) -> str:
    asking = round(_target(horse) * 1.08 / 100) * 100
    return (
        "- **Ankaufsuntersuchung**: Eine aktuelle große Untersuchung mit Röntgenbildern kostet "
        f"etwa {rng.choice(('600 - 900', '700 - 1.000', '650 - 950'))} € und verkürzt jede "
        "Verhandlung.\n"
        "- **Videomaterial**: Drei bis vier Minuten genügen: Grundgangarten auf beiden Händen, "
        f"typische Aufgaben aus dem Bereich {horse.discipline}, Umgang am Boden und Verladen.\n"
        f"- **Preisstrategie**: Inserieren Sie mit {euros(asking)} € Verhandlungsbasis und legen "
        "Sie Ihre Untergrenze vorab fest.\n"
        "- **Zeitpunkt**: Zwischen Februar und Mai suchen die meisten Käufer, im Spätherbst "
        "sinkt die Zahl ernsthafter Anfragen.\n"
        "- **Verkaufswege**: Kombinieren Sie ein großes Portal mit dem Netzwerk Ihres Trainers; "
        "bei Vermittlung sind rund zehn Prozent Provision üblich.\n"
        "- **Unterlagen**: Halten Sie Equidenpass, Impfnachweise, Hufschmied- und "
        "Zahnarztbelege geordnet bereit, das signalisiert Sorgfalt."
    )


def _buying(horse: Horse, rng: random.Random) -> str:
    low, high = horse.price_range
    extra = rng.choice(("1.000 - 1.500", "900 - 1.400", "1.200 - 1.800"))
    return (
        "Interessenten sollten das Pferd mindestens zweimal ausprobieren, davon einmal in "
        f"fremder Umgebung. Preise oberhalb von {euros(high)} € sind nur mit belegten Erfolgen "
        f"zu rechtfertigen; Angebote deutlich unter {euros(low)} € geben Anlass, nach den "
        f"Gründen zu fragen. Für Transport und Untersuchung sind zusätzlich {extra} € "
        "einzuplanen.\n\n"
        "- **Prüfpunkte**: Taktreinheit, Anlehnung, Verhalten beim Aufsteigen und allein im "
        "Gelände.\n"
        "- **Passung**: Können und Ziele des Reiters sollten zum Ausbildungsstand "
        f"({_level(horse)}) passen, damit die Entwicklung nicht stagniert.\n"
        "- **Vertrag**: Ein schriftlicher Kaufvertrag mit Befundbericht als Anlage schützt "
        "beide Seiten.\n"
        "- **Eingewöhnung**: Planen Sie nach dem Stallwechsel zwei bis drei ruhige Wochen ein, "
        "bevor Sie Leistung abfragen; das beugt Missverständnissen in der ersten Zeit vor."
    )


def _verdict(horse: Horse, rng: random.Random) -> str:
    outlook = rng.choice(
        (
            "Mit aktuellem Befund und gutem Video ist ein Abschluss nahe am Zielpreis realistisch.",
            "Wer Zeit mitbringt und sorgfältig präsentiert, wird das obere Drittel erreichen.",
            "Ein ehrliches Inserat mit klarer Zielgruppe führt am schnellsten zum Erfolg.",
        )
    )
    return (
        f"{_subject(horse)} ist {horse.market} gut vermittelbar. Der Zielpreis von "
        f"{euros(_target(horse))} € ist durch Alter, Ausbildung und die Ausrichtung "
        f"{horse.discipline} gedeckt. {outlook}\n\n{CLOSING}"
    )


def certificate(horse: Horse) -> dict[str, Any]:
    """The certificate's data: integer bounds in EUR and five plain texts."""
    low, high = horse.price_range
    pedigree = horse.pedigree or f"einer soliden Linie der Rasse {horse.breed}"
    return {
        "preisVon": low,
        "preisBis": high,
        "haupteignung": horse.discipline,
        "bewertungsDetails": {
            "rasseText": (
                f"Die Rasse {horse.breed} ist {horse.market} fest etabliert. Mit {horse.height} cm "
                "Stockmaß entspricht das Pferd dem gefragten Typ."
            ),
            "abstammungText": (
                f"Das Pferd stammt aus {pedigree}. Diese Herkunft steht für Leistungsbereitschaft "
                "und einen umgänglichen Charakter."
            ),
            "ausbildungText": (
                f"Der Ausbildungsstand umfasst {_level(horse)}. Für die Ausrichtung "
                f"{horse.discipline} ist damit eine verlässliche Grundlage gelegt."
            ),
            "gesundheitText": (
                "Der Gesundheitszustand fließt mit den üblichen Annahmen in die Bewertung ein. "
                "Eine aktuelle Ankaufsuntersuchung stützt den Wert in der Verhandlung."
            ),
            "fazit": (
                f"{_subject(horse)} bietet ein stimmiges Gesamtbild. Alter und Ausbildung stehen "
                f"in einem guten Verhältnis. Der Marktwert liegt zwischen {euros(low)} und "
                f"{euros(high)} €. Mit guter Vermarktung ist ein zügiger Verkauf realistisch."
            ),
        },
    }


def certificate_json(horse: Horse) -> str:
    return json.dumps(certificate(horse), ensure_ascii=False, indent=2)
