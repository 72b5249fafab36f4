"""`docs/site-types.d.ts`, written from our own models so that the site cannot misread them.

`python -m ops.typescript > docs/site-types.d.ts` renews it. The libraries that write TypeScript
from pydantic models call a Node program to do it; the few shapes here need none.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, WithJsonSchema
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from domain.acceptance.certificate import Certificate as CertificateAnswer
from producer.feedback import Rated, Rating
from producer.health import OpenRouterHealth, Readiness
from producer.status import Problem
from producer.views import FINAL, OrderView

OPENING: Final = """\
// What the site reads from the worker and sends to it.
// Written by `python -m ops.typescript`; changes by hand are lost.
// Moments are ISO 8601 texts over HTTP and Dates in the order documents.

"""
CLOSING: Final = """\
/** States in which nothing changes any more without a human; polling may stop. */
export type FinalState = {final};

/** The `data` of every event of `GET /orders/{{session_id}}/events`, as JSON. */
export type OrderEvent = OrderView;
"""

_BsonDate = Annotated[datetime, WithJsonSchema({"tsType": "Date"})]


class CertificateData(CertificateAnswer):
    """`zertifikat_data`: prices are whole euro, texts are plain German sentences."""


class ValuationResult(BaseModel):
    """What a delivery writes to a document of `bewertungen`, in one update."""

    status: Literal["fertig"]
    aktualisiert: _BsonDate
    bewertung: str = Field(description="Markdown; the text the routes call `ai_response`.")
    ai_model: str = Field(description="Display name in lower case, for support only.")
    ai_model_version: str = Field(description="The model's slug that served.")


class CertificateResult(BaseModel):
    """What a delivery writes to a document of `wertgutachten`, in one update."""

    status: Literal["fertig"]
    aktualisiert: _BsonDate
    zertifikat_data: CertificateData
    zertifikatNummer: str = Field(description="`CERT-<year>-<six digits>`.")  # noqa: N815 - the site's name
    ai_model: str = Field(description="Display name in lower case, for support only.")
    ai_model_version: str = Field(description="The model's slug that served.")


READ: Final[tuple[type[BaseModel], ...]] = (OrderView, Rated, Problem, OpenRouterHealth, Readiness)
STORED: Final[tuple[type[BaseModel], ...]] = (ValuationResult, CertificateResult)
SENT: Final[tuple[type[BaseModel], ...]] = (Rating,)

REFINED: Final = {("Certificate", "data"): CertificateData.__name__}
"""Fields that are looser in the model than in what is ever delivered."""

_WORDS: Final = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}


def render() -> str:
    """Return the declarations: every model with what it is made of."""
    definitions = _definitions()
    declared = "\n".join(_declaration(name, definitions[name]) for name in sorted(definitions))
    return OPENING + declared + "\n" + CLOSING.format(final=_choice(sorted(FINAL)))


def _definitions() -> Mapping[str, Mapping[str, Any]]:
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        *((model, "serialization") for model in (*READ, *STORED)),
        *((model, "validation") for model in SENT),
    ]
    _, schema = models_json_schema(wanted, ref_template="{model}")
    definitions: Mapping[str, Mapping[str, Any]] = schema["$defs"]
    return definitions


def _declaration(name: str, schema: Mapping[str, Any]) -> str:
    comment = _comment(schema.get("description"))
    if "enum" in schema:
        return f"{comment}export type {name} = {_choice(schema['enum'])};\n"
    fields = "".join(_fields(name, schema))
    return f"{comment}export interface {name} {{\n{fields}}}\n"


def _fields(owner: str, schema: Mapping[str, Any]) -> Iterator[str]:
    # Answers always carry every field; a request only what has no default.
    may_lack = owner in {model.__name__ for model in SENT}
    for name, field in schema["properties"].items():
        mark = "?" if may_lack and name not in schema.get("required", ()) else ""
        type_ = REFINED.get((owner, name)) or type_of(field)
        yield f"{_comment(field.get('description'), '  ')}  {name}{mark}: {type_};\n"


def type_of(schema: Mapping[str, Any]) -> str:
    """Return the TypeScript of one value. Raises LookupError for what no model here uses."""
    match schema:
        case {"tsType": str(name)} | {"$ref": str(name)}:
            return name
        case {"const": value}:
            return _choice([value])
        case {"enum": choices}:
            return _choice(choices)
        case {"anyOf": branches}:
            return " | ".join(type_of(branch) for branch in branches)
        case {"type": "array", "items": items}:
            return f"Array<{type_of(items)}>"
    return _WORDS[schema["type"]]


def _choice(values: Iterable[str]) -> str:
    return " | ".join(f'"{value}"' for value in values)


def _comment(text: str | None, indent: str = "") -> str:
    if not text:
        return ""
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    inner = "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines)
    return f"{indent}/**\n{inner}{indent} */\n"


if __name__ == "__main__":
    print(render(), end="")
