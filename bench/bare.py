"""The least a durable webhook can be: one FastAPI route, one insert a majority has."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from motor.motor_asyncio import AsyncIOMotorClient


def make_app(mongodb_uri: str, database: str) -> FastAPI:
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        mongodb_uri, w="majority", journal=True
    )

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        await client.admin.command("ping")
        yield
        client.close()

    app = FastAPI(lifespan=life)

    @app.post("/webhooks/stripe")
    async def receive(request: Request) -> dict[str, str]:
        event = json.loads(await request.body())
        await client[database].bare_events.insert_one({"_id": event["id"], "type": event["type"]})
        return {"status": "accepted"}

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    return app


if __name__ == "__main__":
    uvicorn.run(
        make_app(sys.argv[1], sys.argv[2]),
        host="127.0.0.1",
        port=int(sys.argv[3]),
        loop="uvloop",
        access_log=False,
        log_level="warning",
    )
