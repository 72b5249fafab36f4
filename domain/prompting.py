"""From a horse to a prompt: data between fences that no customer can forge."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final

from domain.answer import Prompt, PromptStamp
from domain.order import Horse

NOT_GIVEN: Final = "k. A."

_PLACEHOLDER: Final = re.compile(r"\{(?:market|mark|horse)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a product's prompt, as its file holds it.

    `user` may contain {market}, {horse} and {mark}; `system` may contain {mark}, the words that
    open and close the customer's data.
    """

    version: str
    temperature: float
    system: str
    user: str
    json_schema: dict[str, Any] | None = None

    @property
    def stamp(self) -> PromptStamp:
        text = "\x00".join((self.version, str(self.temperature), self.system, self.user))
        return PromptStamp(version=self.version, sha256=hashlib.sha256(text.encode()).hexdigest())


def render(template: Template, horse: Horse, *, job_id: str) -> Prompt:
    """Fill a template. The fence's mark derives from the job, which its customer cannot know."""
    mark = hashlib.sha256(f"fence:{job_id}".encode()).hexdigest()[:12]
    values = {"{market}": horse.country.value, "{mark}": mark, "{horse}": describe(horse)}
    return Prompt(
        system=template.system.replace("{mark}", mark),
        user=_fill(template.user, values),
        stamp=template.stamp,
        temperature=template.temperature,
        json_schema=template.json_schema,
    )


def describe(horse: Horse) -> str:
    """Return one `Label: value` line per field; two fields appear only when given."""
    lines = {
        "Rasse": horse.breed,
        "Alter": _age(horse.age),
        "Geschlecht": horse.sex,
        "Stockmaß": f"{horse.height_cm} cm",
        "Haupteignung": horse.discipline,
        "Ausbildungsstand": horse.training,
        "Abstammung": horse.pedigree or NOT_GIVEN,
        "Erfolge": horse.achievements or NOT_GIVEN,
        "Gesundheit und AKU": horse.vet_check or NOT_GIVEN,
        "Standort": horse.location or NOT_GIVEN,
        "Land (Markt)": horse.country.value,
    }
    optional = {"Charakter": horse.character, "Besonderheiten": horse.remarks}
    lines |= {label: text for label, text in optional.items() if text}
    return "\n".join(f"{label}: {text}" for label, text in lines.items())


def _age(years: float) -> str:
    if years == 0:
        return "0 Jahre (Fohlen)"
    number = f"{years:g}".replace(".", ",")
    return f"{number} Jahr" if years == 1 else f"{number} Jahre"


def _fill(text: str, values: dict[str, str]) -> str:
    """Replace all placeholders in one pass, so that customer text is never a template."""
    return _PLACEHOLDER.sub(lambda match: values[match[0]], text)
