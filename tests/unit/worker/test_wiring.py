"""Choosing the parts by the settings."""

from typing import Any

import httpx
import pytest

from config.settings import Settings
from mail.resend import ResendMailer
from mail.smtp import SmtpMailer
from worker.wiring import make_mailer


def settings(**changes: Any) -> Settings:
    return Settings(
        mongodb_uri="mongodb://127.0.0.1/test",
        redis_url="redis://127.0.0.1/0",
        openrouter_api_key="sk-or-v1-test",
        mail_from="PferdeWert <info@example.org>",
        **changes,
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"mail_provider": "resend", "resend_api_key": "re_1"}, ResendMailer),
        ({"mail_provider": "smtp", "smtp_url": "smtp://host"}, SmtpMailer),
        ({"mail_provider": "off"}, type(None)),
    ],
)
def test_mailer(changes: dict[str, str], expected: type) -> None:
    """MAIL_PROVIDER names who sends, or that nobody does."""
    assert isinstance(make_mailer(settings(**changes), httpx.AsyncClient()), expected)
