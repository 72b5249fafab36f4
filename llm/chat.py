"""The parts of a chat request that OpenRouter and OpenAI share."""

import hashlib
from typing import Any, Final

from domain.answer import Prompt

SCHEMA_NAME: Final = "answer"
_HASH_LENGTH: Final = 32


def chat_messages(prompt: Prompt) -> list[dict[str, str]]:
    system = [{"role": "system", "content": prompt.system}] if prompt.system else []
    return [*system, {"role": "user", "content": prompt.user}]


def json_schema_format(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "json_schema",
        "json_schema": {"name": SCHEMA_NAME, "strict": True, "schema": schema},
    }


def user_hash(request_id: str) -> str:
    """Name the end user without telling who it is, so that a block hits one order only."""
    return hashlib.sha256(request_id.encode()).hexdigest()[:_HASH_LENGTH]
