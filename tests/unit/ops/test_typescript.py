"""The declarations for the site: current, and true of what is really sent and stored."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from domain.acceptance.certificate import Certificate
from domain.answer import Answer, PromptStamp, Tier, Usage
from domain.job import Job, Kind, State
from ledger.results import result_fields
from ops import typescript
from ops.typescript import READ, SENT, CertificateData, CertificateResult, ValuationResult
from producer.views import view_of
from tests.builders import NOW, SESSION_ID
from tests.unit.producer.fakes import world

PAGE = Path(__file__).parents[3] / "docs" / "site-types.d.ts"
DATA = {
    "preisVon": 18000,
    "preisBis": 24000,
    "haupteignung": "Dressur",
    "bewertungsDetails": {
        "rasseText": "…",
        "abstammungText": "…",
        "ausbildungText": "…",
        "gesundheitText": "…",
        "fazit": "…",
    },
}


def delivered(kind: Kind) -> Job:
    answer = Answer(
        text="### Zusammenfassung …",
        certificate=DATA if kind is Kind.CERTIFICATE else None,
        price_low=18000,
        price_high=24000,
        tier=Tier.PRIMARY,
        model_asked="google/gemini-2.5-pro",
        model_served="google/gemini-2.5-pro",
        model_name="Gemini 2.5 Pro",
        usage=Usage(),
        latency_ms=48123,
        prompt=PromptStamp(version="3", sha256="0" * 64),
        accepted_at=NOW,
    )
    return Job(
        id=f"{kind}:{SESSION_ID}",
        kind=kind,
        session_id=SESSION_ID,
        state=State.DELIVERED,
        answer=answer,
        certificate_number="CERT-2026-000001",
        created_at=NOW,
        updated_at=NOW,
    )


def test_the_declarations_are_current() -> None:
    """`python -m ops.typescript > docs/site-types.d.ts` renews them."""
    assert PAGE.read_text(encoding="utf-8") == typescript.render()


@pytest.mark.parametrize(
    ("kind", "model"),
    [(Kind.VALUATION, ValuationResult), (Kind.CERTIFICATE, CertificateResult)],
)
def test_the_stored_shapes_are_what_a_delivery_writes(kind: Kind, model: type[BaseModel]) -> None:
    """Neither a field more nor one less, and each of the declared type."""
    written = result_fields(delivered(kind), "CERT-2026-000001", NOW)

    assert set(written) == set(model.model_fields)
    assert model.model_validate(written).model_dump(by_alias=True) == written


def test_a_delivered_certificate_has_the_declared_data() -> None:
    """The view's own type says only that it is an object."""
    view = view_of(delivered(Kind.CERTIFICATE), NOW)

    assert view.certificate is not None
    CertificateData.model_validate(view.certificate.data)
    assert CertificateData.model_fields.keys() == Certificate.model_fields.keys()


def test_what_is_declared_is_what_the_routes_answer() -> None:
    """Every model for HTTP is one that the web process itself describes."""
    document = world().app.openapi()
    answered = set(document["components"]["schemas"])
    body = document["paths"]["/orders/{session_id}/feedback"]["post"]["requestBody"]
    asked: Any = body["content"]["application/json"]["schema"]

    assert {model.__name__ for model in READ} <= answered
    assert asked == SENT[0].model_json_schema()


def test_an_unknown_kind_of_value_stops_the_writer() -> None:
    """Better no declarations than wrong ones."""
    with pytest.raises(LookupError):
        typescript.type_of({"type": "object"})
