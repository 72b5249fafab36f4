"""`pferdewert webhook`: knock at the web process's door as Stripe does, for rehearsals."""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final

import httpx
import typer
from rich.console import RenderableType

from config.settings import Settings
from domain.errors import Unavailable
from domain.job import Kind
from ops.printing import AsJson, help_end, show
from ops.reports.webhook import DEFAULT_PRICES, EventType, Sent, event_for, session_for
from ops.running import Desk, Exit, Refused, run
from payments.desk import StripeDesk, StripeRefused, signed

app = typer.Typer(no_args_is_help=True, help="Send signed test events, for rehearsals.")

PATH: Final = "/webhooks/stripe"
ANSWER_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be sent. With `kind` and `order_id` the session is made up."""

    type: EventType
    session_id: str | None
    kind: Kind | None
    order_id: str | None
    url: str | None


@app.callback()
def webhook() -> None:
    """Keep `send` a command of its own, although it is the only one."""


@app.command(
    epilog=help_end(
        "pferdewert webhook send checkout.session.completed --session cs_test_a1B2c3",
        "pferdewert webhook send checkout.session.completed --kind valuation "
        "--order 68a0c0ffee0123456789abcd",
        codes="0 the web process said 2xx, 1 it did not",
        further=", 78 the environment does not add up",
    )
)
def send(
    type_: Annotated[EventType, typer.Argument(metavar="EVENT_TYPE", help="Stripe's event type.")],
    *,
    session: Annotated[
        str | None, typer.Option(help="A Checkout session; read from Stripe without --order.")
    ] = None,
    kind: Annotated[
        Kind | None, typer.Option(help="Make up a paid session of this kind ...")
    ] = None,
    order: Annotated[str | None, typer.Option(help="... for this order.")] = None,
    url: Annotated[str | None, typer.Option(help=f"Default: http://127.0.0.1:PORT{PATH}.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Also with STRIPE_LIVEMODE=true.")] = False,
    as_json: AsJson = False,
) -> None:
    """Sign an event with the first STRIPE_WEBHOOK_SECRET and post it to the web process.

    Refunds are full, a closed dispute is won. Every call is a new event; the job of a session
    stays the same one.
    """
    if (kind is None) is not (order is None) or (order is None and session is None):
        raise typer.BadParameter("give --session, or --kind together with --order")
    wish = Wish(type_, session, kind, order, url)

    async def act(desk: Desk) -> Sent:
        _check_allowed(desk.settings, yes=yes)
        return await knock(desk, wish, await _session(desk, wish))

    report = run(act)
    show(report, render, as_json=as_json)
    raise typer.Exit(Exit.OK if httpx.codes.is_success(report.status) else Exit.FAILED)


def _check_allowed(settings: Settings, *, yes: bool) -> None:
    if settings.livemode and not yes:
        raise Refused(
            "STRIPE_LIVEMODE is true: the event would count as real money. Repeat with --yes if "
            "that is what you want."
        )
    if not settings.stripe_webhook_secret:
        raise Refused("STRIPE_WEBHOOK_SECRET is empty: there is nothing to sign with. Set it.")


async def knock(desk: Desk, wish: Wish, session: dict[str, Any]) -> Sent:
    """Post the event. Raises Refused when nobody answers."""
    now = desk.clock.now().timestamp()
    event = event_for(
        wish.type,
        session,
        event_id=f"evt_rehearsal_{secrets.token_hex(8)}",
        created=int(now),
        livemode=desk.settings.livemode,
    )
    body, signature = signed(event, desk.settings.stripe_webhook_secret[0], now)
    url = wish.url or f"http://127.0.0.1:{desk.settings.port}{PATH}"
    headers = {"stripe-signature": signature, "content-type": "application/json"}
    try:
        async with asyncio.timeout(ANSWER_S):
            response = await desk.http.post(url, content=body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        name = type(error).__name__
        raise Refused(
            f"Nobody answers at {url} ({name}): start the web process or give --url."
        ) from None
    return Sent(
        url=url,
        event_id=event["id"],
        type=wish.type,
        session_id=str(session["id"]),
        status=response.status_code,
        answer=_answer_of(response),
    )


async def _session(desk: Desk, wish: Wish) -> dict[str, Any]:
    """Make the session up, or read it from Stripe. Raises Refused."""
    settings = desk.settings
    if wish.kind is not None and wish.order_id is not None:
        prices = {
            Kind.VALUATION: settings.valuation_prices,
            Kind.CERTIFICATE: settings.certificate_prices,
        }[wish.kind]
        price = prices[0] if prices else DEFAULT_PRICES[wish.kind]
        session_id = wish.session_id or f"cs_test_rehearsal{secrets.token_hex(12)}"
        return session_for(
            wish.kind, wish.order_id, session_id, price=price, livemode=settings.livemode
        )
    if settings.stripe_api_key is None:
        raise Refused(
            "STRIPE_API_KEY is not set, so the session cannot be read: set it, or give --kind and "
            "--order."
        )
    stripe = StripeDesk(
        desk.http, base_url=settings.stripe_api_base, api_key=settings.stripe_api_key
    )
    try:
        return await stripe.session(wish.session_id or "")
    except (StripeRefused, Unavailable) as error:
        raise Refused(f"{error}.") from None


def _answer_of(response: httpx.Response) -> str:
    """Return the fixed word of the web process's answer."""
    try:
        answer = response.json()
    except ValueError:
        return ""
    return str(answer.get("status", "")) if isinstance(answer, dict) else ""


def render(report: Sent) -> Iterator[RenderableType]:
    yield f"{report.type} {report.event_id} for {report.session_id}"
    yield f"{report.url} answered {report.status} {report.answer}"
