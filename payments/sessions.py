"""Whom to write to: the buyer of a Checkout session, re-read from Stripe and never stored.

A plain GET instead of the SDK: its client takes no injected transport, bounds no request as a
whole and writes whole bodies to the debug log.
"""

import asyncio
import re
from typing import Annotated, Any, Final
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from domain.checkout import CheckoutSession, Lenient, OptionalText
from domain.errors import Unavailable
from domain.ports import Buyer

_TOTAL_S: Final = 10.0
_MAX_NAME: Final = 40
_TITLES: Final = frozenset(
    {"herr", "hr", "frau", "fr", "dr", "prof", "dipl", "ing", "mag", "med", "vet", "h.c"}
    | {"hc", "univ", "mr", "mrs", "ms", "miss", "doktor", "professor"}
)
_NOBODY: Final = frozenset(
    {"familie", "fam", "firma", "gbr", "gmbh", "reitstall", "gestüt", "hof", "stall", "verein"}
)
_NAME: Final = re.compile(r"[^\W\d_]+(?:['’.-][^\W\d_]+)*")


class _Details(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    email: OptionalText = None
    name: OptionalText = None
    individual_name: OptionalText = None


class _Session(CheckoutSession):
    customer_email: OptionalText = None
    customer_details: Annotated[_Details | None, Lenient] = None


class StripeBuyers:
    """Reads Checkout sessions with a restricted key. Implements the port `Buyers`."""

    def __init__(
        self, client: httpx.AsyncClient, *, base_url: str, api_key: SecretStr | None
    ) -> None:
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key

    async def of(self, session_id: str) -> Buyer:
        """Raises Unavailable when Stripe does not answer or does not know the session."""
        if self._api_key is None:
            raise Unavailable("STRIPE_API_KEY is not set")
        session = _read(await self._fetch(session_id, self._api_key))
        details = session.customer_details or _Details()
        return Buyer(
            email=details.email or session.customer_email,
            first_name=first_name(details.individual_name or details.name),
            amount_total=session.amount_total,
            currency=session.currency,
            source=session.source,
        )

    async def _fetch(self, session_id: str, key: SecretStr) -> Any:
        url = f"{self._base_url}/v1/checkout/sessions/{quote(session_id, safe='')}"
        headers = {"Authorization": f"Bearer {key.get_secret_value()}"}
        try:
            async with asyncio.timeout(_TOTAL_S):
                response = await self._client.get(url, headers=headers)
        except (httpx.HTTPError, TimeoutError) as error:
            raise Unavailable(f"Stripe did not answer: {type(error).__name__}") from None
        if response.status_code != httpx.codes.OK:
            raise Unavailable(f"Stripe answered {response.status_code} for the session")
        try:
            return response.json()
        except ValueError:
            return None


def first_name(name: str | None) -> str | None:
    """Return the word to greet with, or None where a name would be a guess.

    `Müller, Anna` is read as last name first; `Dr. Müller`, families and firms have no first name.
    """
    _, comma, given = (name or "").partition(",")
    every = [word.strip(".,") for word in (name or "").split()]
    if _NOBODY.intersection(word.casefold() for word in every):
        return None
    full = [word.strip(".,") for word in given.split()] if comma else every
    words = [word for word in full if not _is_title(word)]
    if not words or (len(words) == 1 and len(full) > 1 and not comma):
        return None
    word = words[0]
    if not _NAME.fullmatch(word) or not 1 < len(word) <= _MAX_NAME:
        return None
    return word.title() if word.isupper() or word.islower() else word


def _is_title(word: str) -> bool:
    """Know `Dr.-Ing.` and `Dipl.-Kfm.` by their first part."""
    folded = word.casefold()
    return folded in _TITLES or re.split(r"[.-]", folded)[0] in _TITLES


def _read(raw: Any) -> _Session:
    try:
        return _Session.model_validate(raw)
    except ValidationError:
        pass
    raise Unavailable("Stripe's answer is no Checkout session")
