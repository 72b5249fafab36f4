"""Answers, attempts and notices for the ledger's tests."""

from datetime import datetime, timedelta
from typing import Any

from domain.answer import Answer, Attempt, AttemptOutcome, PromptStamp, Tier, Usage
from domain.job import Kind, MailDuty, MailTo, PaymentFacts, Reason, ReasonCode
from domain.payment import Notice
from tests.builders import NOW

STAMP = PromptStamp(version="2026-11", sha256="0" * 64)
USAGE = Usage(input_tokens=1000, output_tokens=4600, reasoning_tokens=2900, cost_usd=0.047)
PAYMENT = PaymentFacts(amount_total=1490, currency="eur", payment_status="paid", livemode=True)
CHAIN_EXHAUSTED = Reason(code=ReasonCode.CHAIN_EXHAUSTED, detail="three models timed out")
DUTIES = {MailTo.CUSTOMER: MailDuty(), MailTo.ADMIN: MailDuty()}
REPORT = "### Zusammenfassung\n\n**Geschätzter Marktwert: 18.000 - 28.000 €**"
CERTIFICATE = {
    "preisVon": 18000.0,
    "preisBis": 28000.0,
    "haupteignung": "Dressur",
    "bewertungsDetails": {"rasseText": "Gut.", "fazit": "Sehr gut."},
}


def make_answer(kind: Kind = Kind.VALUATION, **changes: Any) -> Answer:
    fields: dict[str, Any] = {
        "text": REPORT,
        "certificate": CERTIFICATE if kind is Kind.CERTIFICATE else None,
        "price_low": 18000,
        "price_high": 28000,
        "tier": Tier.PRIMARY,
        "model_asked": "google/gemini-2.5-pro",
        "model_served": "google/gemini-2.5-pro-002",
        "model_name": "Gemini 2.5 Pro",
        "provider": "Google",
        "generation_id": "gen-1",
        "usage": USAGE,
        "latency_ms": 48_000,
        "prompt": STAMP,
        "accepted_at": NOW,
    }
    return Answer(**(fields | changes))


def make_attempt(**changes: Any) -> Attempt:
    fields: dict[str, Any] = {
        "started_at": NOW,
        "tier": Tier.PRIMARY,
        "model_asked": "google/gemini-2.5-pro",
        "model_served": "google/gemini-2.5-pro-002",
        "provider": "Google",
        "generation_id": "gen-1",
        "outcome": AttemptOutcome.ACCEPTED,
        "usage": USAGE,
        "latency_ms": 48_000,
        "prompt": STAMP,
    }
    return Attempt(**(fields | changes))


def make_notice(event_id: str = "evt_1", **changes: Any) -> Notice:
    fields: dict[str, Any] = {
        "id": event_id,
        "type": "charge.refunded",
        "created": NOW,
        "livemode": True,
        "object_id": "ch_1",
        "payment_intent": "pi_1",
        "amount": 1490,
        "amount_refunded": 1490,
        "refunded": True,
    }
    return Notice(**(fields | changes))


def after(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)
