"""The shop's side of a rehearsal: orders as the site writes them, webhooks as Stripe signs them."""

import json
import time
from datetime import UTC, datetime
from typing import Any, Final

import httpx
from bson import ObjectId
from pymongo import AsyncMongoClient

from sandbox.client import SandboxControl
from sandbox.stripe_world import sign

Json = dict[str, Any]

COLLECTIONS: Final = {"valuation": "bewertungen", "certificate": "wertgutachten"}

DRESSAGE_HORSE: Final[Json] = {
    "rasse": "Hannoveraner", "alter": 9, "geschlecht": "Wallach", "stockmass": "1,68 m",
    "haupteignung": "Dressur", "ausbildung": "L", "abstammung": "Don Frederico x Weltmeyer",
    "aku": "Februar 2026, ohne Befund", "erfolge": "L-Dressur platziert, bis 71 %",
    "standort": "30159 Hannover", "charakter": "", "besonderheiten": "", "land": "DE",
}  # fmt: skip
MOUNTAIN_HORSE: Final[Json] = {
    "rasse": "Haflinger", "alter": 12, "geschlecht": "Stute", "stockmass": 148,
    "haupteignung": "Freizeit", "ausbildung": "A", "abstammung": "", "aku": "",
    "erfolge": "", "standort": "Tirol", "charakter": "verlässlich, kinderlieb",
    "besonderheiten": "geht auch vor der Kutsche", "land": "AT",
}  # fmt: skip
SHOW_JUMPER: Final[Json] = {
    "rasse": "Holsteiner", "alter": 7, "geschlecht": "Hengst", "stockmass": 170,
    "haupteignung": "Springen", "ausbildung": "M", "abstammung": "Casall x Cassini I",
    "aku": "Januar 2026, Klasse I–II", "erfolge": "M*-Springen gewonnen",
    "standort": "Elmshorn", "charakter": "", "besonderheiten": "", "land": "DE",
    "pferdeName": "Cascadello",
}  # fmt: skip


class Shop:
    """Does what the website and Stripe do for one order: insert, pay, deliver the event."""

    def __init__(
        self,
        database: Any,
        control: SandboxControl,
        http: httpx.AsyncClient,
        *,
        web_url: str,
        secret: str,
    ) -> None:
        self._database = database
        self._control = control
        self._http = http
        self._web_url = web_url
        self._secret = secret

    async def insert_order(self, kind: str, horse: Json, *, session_id: str, order_id: str) -> None:
        """Insert an order in the site's exact shape, as checkout does before the payment."""
        document = {
            "_id": ObjectId(order_id),
            **horse,
            "user_country": horse.get("land") or "DE",
            "attribution_source": "google_search",
            "status": "offen",
            "stripeSessionId": session_id,
            "erstellt": datetime.now(UTC),
        }
        await self._database[COLLECTIONS[kind]].insert_one(document)

    async def pay(self, kind: str, horse: Json, **session_fields: Any) -> str:
        """Create the session at Stripe and the order in the shop; return the session id."""
        order_id = str(ObjectId())
        session = await self._control.create_session(kind, order_id, **session_fields)
        await self.insert_order(kind, horse, session_id=session["id"], order_id=order_id)
        return str(session["id"])

    async def notify(self, event_type: str, session_id: str, **fields: Any) -> httpx.Response:
        """Post a correctly signed event to the webhook, as Stripe does."""
        event = await self._control.create_event(event_type, session_id, **fields)
        return await self.post(event)

    async def post(self, event: Json) -> httpx.Response:
        """Sign and post one event as it is; posting it again is what Stripe's retries do."""
        body = json.dumps(event, ensure_ascii=False, indent=2).encode()
        headers = {
            "stripe-signature": sign(body, self._secret, int(time.time())),
            "content-type": "application/json",
        }
        return await self._http.post(
            f"{self._web_url}/webhooks/stripe", content=body, headers=headers
        )

    async def is_ready(self) -> bool:
        """Tell whether the web process says that it can take events."""
        return (await self._http.get(f"{self._web_url}/health/ready")).is_success

    async def status(self, session_id: str) -> Json:
        """Read what the result page reads."""
        response = await self._http.get(f"{self._web_url}/orders/{session_id}")
        response.raise_for_status()
        answer: Json = response.json()
        return answer

    async def order(self, kind: str, session_id: str) -> Json:
        found = await self._database[COLLECTIONS[kind]].find_one({"stripeSessionId": session_id})
        return dict(found or {})

    async def job(self, kind: str, session_id: str) -> Json:
        found = await self._database["jobs"].find_one({"_id": f"{kind}:{session_id}"})
        return dict(found or {})

    async def attempts(self, session_id: str) -> list[Json]:
        cursor = self._database["ai_requests"].find({"session_id": session_id})
        found: list[Json] = await cursor.sort("timestamp", 1).to_list(None)
        return found


def open_database(uri: str, name: str) -> tuple[AsyncMongoClient[Json], Any]:
    """Return a client and the database; timestamps are aware UTC."""
    client: AsyncMongoClient[Json] = AsyncMongoClient(uri, tz_aware=True)
    return client, client[name]
