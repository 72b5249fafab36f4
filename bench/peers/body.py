"""The job body that all contenders share: claim, one model call, two writes.

It leans on nothing of ours, so that it runs in the peers' environments, too.
"""

import os
from typing import Any, Final

# As in our ledger: Motor's own default, five threads a core, would be what is measured.
os.environ.setdefault("MOTOR_MAX_WORKERS", "64")

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from motor.motor_asyncio import AsyncIOMotorClient

from bench.probe import Orders

COLLECTION: Final = "bench_jobs"
DONE: Final = "done"


class Body:
    """One process's clients, and the body. Must be made inside the event loop."""

    def __init__(self, orders: Orders) -> None:
        self._mongo: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
            orders.mongodb_uri, w="majority", journal=True, readConcernLevel="majority"
        )
        self._jobs = self._mongo[orders.database][COLLECTION]
        self._http = httpx.AsyncClient(
            transport=AiohttpTransport(
                client=lambda: aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(limit=2 * orders.flight),
                    cookie_jar=aiohttp.DummyCookieJar(),
                )
            ),
            timeout=httpx.Timeout(None, connect=5.0),
        )
        self._url = f"{orders.model_url}/api/v1/chat/completions"

    async def run(self, job_id: str) -> str:
        claimed: dict[str, Any] | None = await self._jobs.find_one_and_update(
            {"_id": job_id, "state": "queued"}, {"$set": {"state": "running"}}
        )
        if claimed is None:
            return "nothing_due"
        size = 0
        async with self._http.stream("POST", self._url, json={"prompt": "x" * 2000}) as response:
            async for chunk in response.aiter_bytes():
                size += len(chunk)
        await self._jobs.update_one({"_id": job_id}, {"$set": {"state": "answered", "size": size}})
        await self._jobs.update_one({"_id": job_id}, {"$set": {"state": DONE}})
        return DONE

    async def close(self) -> None:
        await self._http.aclose()
        self._mongo.close()
