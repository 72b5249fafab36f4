"""The owner's collections: what was asked, how the models perform, what went wrong."""

from typing import Any, Final

from domain.answer import Tier
from ledger.connection import Database
from ledger.migrations.schema import (
    Indexes,
    Migration,
    create_indexes,
    drop_indexes,
    index,
    set_validator,
)
from ledger.names import AI_REQUESTS, ERROR_LOGS, HEALTH_CHECKS, MODEL_PERFORMANCE

_INDEXES: Final[Indexes] = {
    AI_REQUESTS: [
        index("recent", "-timestamp", "model_used"),
        index("session", "session_id", "-timestamp"),
        index("success", "model_used", "success", "-timestamp"),
    ],
    MODEL_PERFORMANCE: [
        index("model_and_date", "model_id", "-date", unique=True),
        index("date", "-date"),
    ],
    ERROR_LOGS: [
        index("recent", "-timestamp", "error_type"),
        index("model", "model_used", "-timestamp"),
    ],
    HEALTH_CHECKS: [index("forgotten", "expires_at", expireAfterSeconds=0)],
}

_DATE: Final = {"bsonType": "date"}
_TEXT: Final = {"bsonType": "string"}
_FLAG: Final = {"bsonType": "bool"}
# Drivers choose the width of a number by its value, so all of them are one type to us.
_AMOUNT: Final = {"bsonType": ["int", "long", "double", "decimal"], "minimum": 0}
_AMOUNT_OR_NULL: Final = {
    "bsonType": ["int", "long", "double", "decimal", "null"],
    "minimum": 0,
}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"bsonType": "object", "properties": properties}
    return schema | {"required": required} if required else schema


_SCHEMAS: Final = {
    AI_REQUESTS: _object(
        ["session_id", "timestamp", "model_used", "success"],
        session_id=_TEXT,
        timestamp=_DATE,
        model_used=_TEXT,
        success=_FLAG,
        model_tier={"enum": [*(tier.value for tier in Tier), None]},
        response_data=_object(
            [],
            response_time_ms=_AMOUNT_OR_NULL,
            token_usage=_object(
                [],
                input_tokens=_AMOUNT_OR_NULL,
                output_tokens=_AMOUNT_OR_NULL,
                total_tokens=_AMOUNT_OR_NULL,
                cost_usd=_AMOUNT_OR_NULL,
            ),
        ),
    ),
    MODEL_PERFORMANCE: _object(
        ["model_id", "date", "metrics"],
        model_id=_TEXT,
        date=_DATE,
        metrics=_object(
            ["total_requests", "successful_requests"],
            total_requests=_AMOUNT,
            successful_requests=_AMOUNT,
            failed_requests=_AMOUNT_OR_NULL,
            avg_response_time_ms=_AMOUNT_OR_NULL,
            p95_response_time_ms=_AMOUNT_OR_NULL,
            total_tokens_used=_AMOUNT_OR_NULL,
            total_cost_usd=_AMOUNT_OR_NULL,
            avg_user_rating=_AMOUNT_OR_NULL,
        ),
    ),
    ERROR_LOGS: _object(["timestamp", "error_type"], timestamp=_DATE, error_type=_TEXT),
}


async def _up(database: Database) -> bool:
    for collection, schema in _SCHEMAS.items():
        await set_validator(database, collection, schema)
    await create_indexes(database, _INDEXES)
    return True


async def _down(database: Database) -> None:
    for collection in _SCHEMAS:
        await set_validator(database, collection, {})
    await drop_indexes(database, _INDEXES)


MIGRATION: Final = Migration("0002_records", _up, _down)
