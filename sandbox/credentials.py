"""Keys as callers present them. The sandbox never stores more than their last characters."""

from __future__ import annotations

import base64
import binascii

from aiohttp import web

_SUFFIX = 4


def bearer(request: web.Request) -> str:
    """The bearer token, "" when there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def bearer_or_basic(request: web.Request) -> str:
    """The bearer token or the user name of HTTP Basic."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return bearer(request)
    try:
        return base64.b64decode(token, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def is_refused(key: str) -> bool:
    """Any key opens the sandbox, except none and those that say they are wrong."""
    return not key or "invalid" in key or "revoked" in key


def lacks(key: str, resource: str) -> bool:
    """Say whether a restricted key was made without a permission, e.g. `rk_test_without_event`."""
    return f"without_{resource}" in key


def suffix(key: str) -> str:
    """What may be written down of a key."""
    return key[-_SUFFIX:]
