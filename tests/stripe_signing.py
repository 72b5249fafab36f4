"""Signing as Stripe does, written apart from its library so that a shared bug cannot hide."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

SECRET = "whsec_b3duZXI6c2VjcmV0"
OLD_SECRET = "whsec_b2xkOnNlY3JldA"


def mac(body: bytes, at: float, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), b"%d." % int(at) + body, hashlib.sha256).hexdigest()


def signature(body: bytes, at: float, secret: str = SECRET) -> str:
    return f"t={int(at)},v1={mac(body, at, secret)}"


def as_body(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()
