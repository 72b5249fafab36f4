"""`POST /webhooks/stripe`: cheap refusals first, 200 only when the ledger has it."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, SecretStr
from structlog.contextvars import bound_contextvars

from domain.errors import Unavailable
from domain.ports import Clock
from payments.events import MalformedEvent, StripeEvent, UnwantedEvent, read_event
from payments.signature import (
    BadSignature,
    NotConfigured,
    SignatureFault,
    check_header,
    usable_secrets,
    verify,
)
from producer.body import BodyRefused, read_body
from producer.gate import Gate
from producer.intake import Intake, Outcome
from producer.limiting import AddressLimit
from producer.tracing import where

log = structlog.get_logger(__name__)

BODY_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 4.5
BAD_SIGNATURES: Final = "30 per 1 minute"


class WebhookAnswer(BaseModel):
    """A fixed word. Stripe shows it in its dashboard and reads the status code only."""

    status: str


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    text: str


class WebhookAnswers:
    """How often this process has given each answer since it started."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[int, str]] = Counter()

    def count(self, status: int, decision: str) -> None:
        self._counts[status, decision] += 1

    def counts(self) -> Mapping[tuple[int, str], int]:
        """Return the counts by status and decision, both from closed sets."""
        return dict(self._counts)


class StripeDoor:
    """Lets in what Stripe signed and answers for what became of it."""

    def __init__(
        self,
        intake: Intake,
        *,
        secrets: Sequence[SecretStr],
        clock: Clock,
        gate: Gate,
        bad_signatures: AddressLimit,
        answers: WebhookAnswers,
        body_seconds: float = BODY_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._intake = intake
        self._secrets = secrets
        self._clock = clock
        self._gate = gate
        self._bad_signatures = bad_signatures
        self._answers = answers
        self._body_seconds = body_seconds
        self._answer_seconds = answer_seconds

    async def answer(self, request: Request) -> JSONResponse:
        started = self._clock.monotonic()
        try:
            event = await self._admit(request)
        except Exception as error:  # noqa: BLE001 - each becomes a status code, see _refusal
            reply = await self._refusal(request, error)
        else:
            reply = await self._take(event, started)
        self._answers.count(reply.status, reply.text)
        return JSONResponse({"status": reply.text}, reply.status)

    async def _admit(self, request: Request) -> StripeEvent:
        """Check in the order of cost: header, configuration, body, signature, JSON, shape."""
        header = check_header(_signature_header(request))
        usable_secrets(self._secrets)
        body = await read_body(request, seconds=self._body_seconds)
        verify(body, header, self._secrets, self._clock.now())
        return read_event(body)

    async def _refusal(self, request: Request, error: Exception) -> _Reply:
        match error:
            case BadSignature():
                return await self._bad_signature(request, error)
            case NotConfigured():
                log.error("stripe_webhook_not_configured")
                return _Reply(503, "not_configured")
            case BodyRefused():
                log.warning("stripe_event_refused", reason=error.text)
                return _Reply(error.status, error.text)
            case MalformedEvent():
                log.error("stripe_event_malformed", detail=str(error))
                return _Reply(400, "malformed")
            case UnwantedEvent():
                return _Reply(200, Outcome.IGNORED)
        log.error("stripe_event_crashed", error=type(error).__name__, where=where(error))
        return _Reply(503, "unavailable")

    async def _bad_signature(self, request: Request, error: BadSignature) -> _Reply:
        """Limit failures alone: a flood of forgeries must never keep Stripe's own calls out."""
        allowed = await self._bad_signatures.allows(request)
        log.warning(
            "stripe_signature_refused",
            reason=error.fault,
            secrets_tried=len(self._secrets),
            limited=not allowed,
        )
        return _Reply(400, "bad_signature") if allowed else _Reply(429, "too_many_requests")

    async def _take(self, event: StripeEvent, started: float) -> _Reply:
        subject = event.subject.get("id") if event.is_about_session else None
        session_id = subject if isinstance(subject, str) else None
        with bound_contextvars(event_id=event.id, session_id=session_id):
            reply = await self._outcome(event)
            log.info(
                "stripe_event_answered",
                type=event.type,
                status=reply.status,
                decision=reply.text,
                latency_ms=round((self._clock.monotonic() - started) * 1000),
            )
        return reply

    async def _outcome(self, event: StripeEvent) -> _Reply:
        """Say 503 to whatever a retry may cure: nothing was marked as done."""
        try:
            async with asyncio.timeout(self._answer_seconds):
                self._gate.check()
                outcome: Outcome = await self._intake.take_notice(event)
        except MalformedEvent as error:
            log.error("stripe_event_malformed", detail=str(error))  # noqa: TRY400 - its context holds customer data
            return _Reply(400, "malformed")
        except (Unavailable, TimeoutError) as error:
            log.warning("stripe_event_postponed", error=type(error).__name__)
            return _Reply(503, "unavailable")
        except Exception as error:  # noqa: BLE001 - Stripe's retry is the cure
            log.error("stripe_event_crashed", error=type(error).__name__, where=where(error))  # noqa: TRY400 - a traceback may quote customer data
            return _Reply(503, "unavailable")
        return _Reply(200, outcome)


def webhook_routes(door: StripeDoor) -> APIRouter:
    router = APIRouter(tags=["stripe"])
    refusals: dict[int | str, dict[str, Any]] = {
        status: {"model": WebhookAnswer} for status in (400, 408, 413, 429, 503)
    }

    @router.post("/webhooks/stripe", response_model=WebhookAnswer, responses=refusals)
    async def receive(request: Request) -> JSONResponse:
        """Take one signed Stripe event."""
        return await door.answer(request)

    return router


def _signature_header(request: Request) -> str | None:
    """Return the one header; two of them leave open which one was meant."""
    headers = request.headers.getlist("stripe-signature")
    if len(headers) > 1:
        raise BadSignature(SignatureFault.HEADER_MALFORMED)
    return headers[0] if headers else None
