from collections.abc import Callable
from pathlib import Path

import pytest

from config import env_example
from config.loading import SettingsError, load
from config.settings import Settings
from domain.checkout import Price

ENOUGH = {
    "MONGODB_URI": "mongodb://127.0.0.1/shop",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "OPENROUTER_API_KEY": "sk-or-v1-test",
}


Read = Callable[..., Settings]


@pytest.fixture
def settings_from(monkeypatch: pytest.MonkeyPatch) -> Read:
    """Load settings from exactly the given variables."""

    def read(**changes: str) -> Settings:
        for name in Settings.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
        for name, value in (ENOUGH | changes).items():
            monkeypatch.setenv(name, value)
        return load()

    return read


def test_the_example_documents_exactly_the_settings() -> None:
    """`.env.example` is generated; a new variable without its line fails here."""
    stored = Path(".env.example").read_text(encoding="utf-8")

    assert env_example.render() == stored, "run: make env"


def test_three_variables_are_enough(settings_from: Read) -> None:
    """Nothing optional blocks the start."""
    settings = settings_from()

    assert settings.warnings()
    assert not settings.livemode


def test_all_faults_are_reported_at_once(settings_from: Read) -> None:
    """One start tells the operator everything that is wrong."""
    with pytest.raises(SettingsError) as caught:
        settings_from(
            ENVIRONMENT="production",
            MONGODB_URI="mongodb://user:hunter2@127.0.0.1/",
            MAIL_PROVIDER="resend",
            OPENROUTER_API_KEY="",
            CHAIN_BUDGET_SECONDS="10",
        )

    text = str(caught.value)
    for name in ("MONGODB_DB", "STRIPE_WEBHOOK_SECRET", "RESEND_API_KEY", "MAIL_FROM"):
        assert name in text
    assert "OPENROUTER_API_KEY" in text
    assert "CHAIN_BUDGET_SECONDS: 10 s must be more than MODEL_BUDGET_SECONDS (240 s)" in text
    assert "hunter2" not in text


def test_malformed_values_are_named_together(settings_from: Read) -> None:
    """Faults of single values come in one message too, without the values."""
    with pytest.raises(SettingsError) as caught:
        settings_from(PORT="http", VALUATION_PRICES="14,90 EUR", OPENROUTER_BASE_URL="ftp://x")

    text = str(caught.value)
    assert all(name in text for name in ("PORT", "VALUATION_PRICES", "OPENROUTER_BASE_URL"))


def test_unreadable_and_contradictory_values_are_named_together(settings_from: Read) -> None:
    """A missing variable does not hide what is wrong between the others."""
    with pytest.raises(SettingsError) as caught:
        settings_from(MONGODB_URI="", PORT="x", OPENROUTER_API_KEY="", MAIL_PROVIDER="smtp")

    text = str(caught.value)
    for name in ("MONGODB_URI", "PORT", "OPENROUTER_API_KEY", "SMTP_URL", "MAIL_FROM"):
        assert name in text
    assert "unread" not in text


def test_lists_are_read_as_the_owner_writes_them(settings_from: Read) -> None:
    """Comma lists tolerate blanks and the newline of a pasted secret."""
    settings = settings_from(
        STRIPE_WEBHOOK_SECRET=" whsec_new , whsec_old\n",
        VALUATION_PRICES="1490 EUR, 1990 chf",
        WAIT_SCHEDULE_SECONDS="1, 2,5",
        ADMIN_EMAILS="a@example.org,b@example.org",
    )

    secrets = [secret.get_secret_value() for secret in settings.stripe_webhook_secret]
    assert secrets == ["whsec_new", "whsec_old"]
    assert settings.valuation_prices == (
        Price(amount=1490, currency="EUR"),
        Price(amount=1990, currency="CHF"),
    )
    assert settings.wait_schedule_seconds == (1.0, 2.0, 5.0)
    assert settings.admin_emails == ("a@example.org", "b@example.org")


@pytest.mark.parametrize("seconds", ["8", "0.5", "60", "300"])
def test_any_attempt_time_gives_nested_budgets(settings_from: Read, seconds: str) -> None:
    """The other budgets follow the attempt's unless they are set."""
    settings = settings_from(OPENROUTER_TIMEOUT=seconds)

    budgets = [
        settings.connect_s,
        settings.openrouter_timeout,
        settings.model_budget_s,
        settings.chain_budget_s,
        settings.job_budget_s,
    ]
    assert budgets == sorted(set(budgets))


def test_dev_mode_points_every_provider_to_the_sandbox(settings_from: Read) -> None:
    """No real provider can be reached by accident; a set address still wins."""
    settings = settings_from(DEV_MODE="true", OPENROUTER_API_KEY="", STRIPE_API_BASE="http://x:1")

    assert settings.openrouter_base_url == "http://127.0.0.1:8900/api/v1"
    assert settings.resend_base_url == "http://127.0.0.1:8900"
    assert settings.stripe_api_base == "http://x:1"


def test_secrets_do_not_show(settings_from: Read) -> None:
    """A printed settings object is harmless."""
    settings = settings_from(STRIPE_WEBHOOK_SECRET="whsec_geheim", ADMIN_TOKEN="geheim")

    assert "geheim" not in repr(settings)


@pytest.mark.parametrize(
    ("environment", "stripe_livemode", "livemode"),
    [("production", "", True), ("production", "false", False), ("staging", "", False)],
)
def test_staging_is_legal_and_warned_about(
    settings_from: Read, environment: str, stripe_livemode: str, *, livemode: bool
) -> None:
    """Play money in production is allowed, but never silently."""
    settings = settings_from(
        ENVIRONMENT=environment, STRIPE_LIVEMODE=stripe_livemode, STRIPE_WEBHOOK_SECRET="whsec_x"
    )

    assert settings.livemode is livemode
    staging = any("staging" in warning for warning in settings.warnings())
    assert staging is (environment == "production" and not livemode)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MONGODB_URI", "localhost:27017/shop"),
        ("MONGODB_URI", "mongodb://user:p@ss@host/shop"),
        ("MONGODB_DB", "a.b$c"),
        ("REDIS_URL", "kaputt"),
        ("REDIS_URL", "http://127.0.0.1:6379/0"),
        ("REDIS_URL", "redis://127.0.0.1:99999/0"),
        ("REDIS_URL", "redis://127.0.0.1:6379/abc"),
        ("SMTP_URL", "kaputt"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "10.0.0.1, 0.0.0.0/0"),
        ("TRUSTED_PROXIES", "::/0"),
        ("TRUSTED_PROXIES", "proxy.internal"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("CLIENT_ADDRESS_HEADER", "X-Forwarded-For: a"),
        ("WAIT_SCHEDULE_SECONDS", ","),
        ("WAIT_SCHEDULE_SECONDS", "60,inf"),
        ("GIVE_UP_AFTER_HOURS", "1e12"),
        ("OPENROUTER_TIMEOUT", "inf"),
    ],
)
def test_values_that_no_process_could_use_are_refused(
    settings_from: Read, name: str, value: str
) -> None:
    """Every process refuses at start what would only break one of them later."""
    with pytest.raises(SettingsError) as caught:
        settings_from(**{name: value})

    assert name in str(caught.value)
    assert "p@ss" not in str(caught.value)


def test_proxies_are_addresses_and_networks(settings_from: Read) -> None:
    """Of both kinds, as they are usually written."""
    settings = settings_from(TRUSTED_PROXIES="10.0.0.0/8, 192.0.2.1,2001:db8::/32")

    assert [str(network) for network in settings.trusted_proxies] == [
        "10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://a:1,b:2,c:3/shop?replicaSet=rs0",
        "mongodb+srv://user:p%40ss@cluster.example.net/shop",
        "mongodb://127.0.0.1:27017/shop",
    ],
)
def test_usual_addresses_are_accepted(settings_from: Read, uri: str) -> None:
    """Replica sets list several hosts, Atlas uses its own scheme."""
    assert settings_from(MONGODB_URI=uri).mongodb_uri.get_secret_value() == uri
