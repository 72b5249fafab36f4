"""Chat messages in the shape all three vendors share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, BeforeValidator

_INSTRUCTIONS = frozenset({"system", "developer"})


def text_of(content: object) -> object:
    """A string, or the text parts of a content array joined."""
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content


Content = Annotated[str | None, BeforeValidator(text_of)]


class Message(BaseModel):
    role: str
    content: Content = None


def instructions(messages: Iterable[Message]) -> str:
    return "\n".join(m.content or "" for m in messages if m.role in _INSTRUCTIONS)


def conversation(messages: Iterable[Message]) -> str:
    return "\n".join(m.content or "" for m in messages if m.role not in _INSTRUCTIONS)
