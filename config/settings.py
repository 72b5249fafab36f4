"""What we are told: every environment variable, its meaning and its checks.

The names are the owner's. All faults are reported at once; unknown variables are ignored.
"""

from enum import StrEnum
from ipaddress import ip_network
from typing import Any, Final, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, TypeAdapter, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.readers import (
    HeaderName,
    LogLevel,
    MongoDatabase,
    MongoUri,
    NetworkList,
    OpenAIUrl,
    OpenRouterUrl,
    OptionalSeconds,
    OptionalText,
    Port,
    PriceList,
    RedisUrl,
    Seconds,
    SecondsList,
    Secret,
    SecretList,
    SmtpUrl,
    TextList,
    Url,
)

DEV_SANDBOX: Final = "http://127.0.0.1:8900"


class MailProvider(StrEnum):
    RESEND = "resend"
    SMTP = "smtp"
    OFF = "off"


GROUPS: Final = {
    "environment": "Environment",
    "mongodb_uri": "Servers",
    "use_openrouter": "OpenRouter",
    "primary_model": "Models",
    "connect_timeout": "Time (seconds; each budget must be longer than the one before)",
    "stripe_webhook_secret": "Stripe",
    "mail_provider": "Mail",
    "port": "Processes",
    "enable_performance_tracking": "Measuring",
    "retention_content_days": "Retention (days; docs/data-and-deletion.md)",
}
"""Titles of the groups in `.env.example`, by the first setting of each."""


class Settings(BaseSettings):
    """All settings of all processes. Group and order here are those of `.env.example`."""

    model_config = SettingsConfigDict(
        extra="ignore", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    environment: str = Field(
        default="development",
        description="`production` is strict and logs JSON; any other name is not.",
    )
    log_level: LogLevel = Field(default="INFO", description="Least severity that is logged.")
    dev_mode: bool = Field(
        default=False,
        description="Use the sandbox at 127.0.0.1:8900 instead of the real providers.",
    )

    mongodb_uri: MongoUri = Field(description="MongoDB replica set, e.g. mongodb+srv://…/test.")
    mongodb_db: MongoDatabase = Field(
        default=None,
        description="Database, if the URI's path does not name it. The live shop's is `test`.",
    )
    redis_url: RedisUrl = Field(description="Redis or Valkey, e.g. redis://127.0.0.1:6379/0.")

    use_openrouter: bool = Field(
        default=True, description="`false`: only the direct emergency providers are asked."
    )
    openrouter_api_key: Secret = Field(default=None, description="Key, sk-or-v1-….")
    openrouter_base_url: OpenRouterUrl = Field(
        default="https://openrouter.ai/api/v1", description="Ends in /api/v1."
    )
    openrouter_timeout: Seconds = Field(
        default=120.0, description="Total seconds for one attempt, reading included."
    )
    openrouter_retry_attempts: int = Field(
        default=3, ge=0, le=10, description="Further attempts on one model after the first."
    )
    openrouter_retry_backoff_base: Seconds = Field(
        default=1.0, description="Seconds before the first retry; doubles each time."
    )
    openrouter_retry_backoff_max: Seconds = Field(
        default=12.0, description="Longest wait between two attempts, seconds."
    )
    openrouter_retry_jitter: float = Field(
        default=0.25, ge=0, le=1, description="Random share of a wait, 0 to 1."
    )
    openrouter_min_interval_ms: int = Field(
        default=100,
        ge=0,
        description="Least distance between two requests of all workers; 0 = none.",
    )

    primary_model: str = Field(default="google/gemini-2.5-pro", description="First in the chain.")
    fallback_model: str = Field(
        default="anthropic/claude-sonnet-5", description="Second in the chain."
    )
    tertiary_model: str = Field(default="openai/gpt-4o", description="Third in the chain.")
    anthropic_api_key: Secret = Field(default=None, description="Direct emergency stage.")
    anthropic_base_url: Url = Field(default="https://api.anthropic.com", description="No path.")
    emergency_anthropic_model: str = Field(
        default="claude-sonnet-5", description="Model of the direct Anthropic stage."
    )
    openai_api_key: Secret = Field(default=None, description="Direct emergency stage.")
    openai_base_url: OpenAIUrl = Field(
        default="https://api.openai.com/v1", description="Ends in /v1."
    )
    emergency_openai_model: str = Field(
        default="gpt-4o", description="Model of the direct OpenAI stage."
    )

    connect_timeout: OptionalSeconds = Field(
        default=None, description="TCP and TLS set-up; default 5, at most half an attempt."
    )
    model_budget_seconds: OptionalSeconds = Field(
        default=None, description="All attempts on one model; default two attempts' time."
    )
    chain_budget_seconds: OptionalSeconds = Field(
        default=None, description="All models once; default four models' time."
    )
    job_budget_seconds: OptionalSeconds = Field(
        default=None, description="Everything around it; default the chain's and 120."
    )
    wait_schedule_seconds: SecondsList = Field(
        default=(60.0, 120.0, 300.0, 900.0, 1800.0, 3600.0),
        description="Waits after an exhausted chain; the last repeats.",
    )
    give_up_after_hours: Seconds = Field(
        default=24.0, le=8760, description="Age at which a job that cannot be done is parked."
    )

    stripe_webhook_secret: SecretList = Field(
        default=(), description="Comma list, for rotation. Empty: the webhook answers 503."
    )
    stripe_api_key: Secret = Field(
        default=None,
        description="Restricted key, reads Checkout Sessions and Events: mails, lost webhooks.",
    )
    stripe_api_base: Url = Field(default="https://api.stripe.com", description="No path.")
    stripe_livemode: bool | None = Field(
        default=None, description="Must match every event; default `true` in production only."
    )
    reconcile_every_minutes: float = Field(
        default=5.0,
        gt=0,
        le=1440,
        description="How often the clock asks Stripe for payments we were not told of.",
    )
    valuation_prices: PriceList = Field(
        default=(),
        description="Minor units and currency, e.g. 1490 EUR, 1990 CHF; empty = unchecked.",
    )
    certificate_prices: PriceList = Field(default=(), description="As above, e.g. 4990 EUR.")

    mail_provider: MailProvider = Field(
        default=MailProvider.OFF, description="`resend`, `smtp` or `off`."
    )
    resend_api_key: Secret = Field(default=None, description="Key of the Resend account.")
    resend_base_url: Url = Field(default="https://api.resend.com", description="No path.")
    smtp_url: SmtpUrl = Field(
        default=None, description="smtp://user:password@host:587 or smtps://…:465."
    )
    mail_from: OptionalText = Field(default=None, description="Sender, e.g. PferdeWert <info@…>.")
    admin_emails: TextList = Field(default=(), description="Comma list of the shop's addresses.")
    site_url: Url = Field(
        default="https://pferdewert.de", description="Base of the links in mails."
    )

    delay_mail_after_minutes: float = Field(
        default=120.0,
        ge=0,
        description="Wait after which a customer gets the one delay mail; 0 = when we give up.",
    )

    port: Port = Field(default=8000, description="Port of the web process.")
    host: str = Field(default="0.0.0.0", description="Address of the web process.")  # noqa: S104 - a container's only way in
    trusted_proxies: NetworkList = Field(
        default=(ip_network("127.0.0.1"),),
        description="Addresses and networks of our own proxies, who may name the caller.",
    )
    client_address_header: HeaderName = Field(
        default="X-Forwarded-For",
        description="Where they name it. The last address that is no proxy's counts.",
    )
    worker_concurrency: int = Field(
        default=50, ge=1, le=2000, description="Jobs in flight in one worker process."
    )
    worker_grace_seconds: Seconds = Field(
        default=25.0, description="After SIGTERM, before running jobs are handed back."
    )
    flower_basic_auth: Secret = Field(
        default=None, description="user:password; without it nobody can log in to Flower."
    )
    flower_port: Port = Field(default=5555, description="Port of Flower.")
    admin_token: Secret = Field(
        default=None, description="Bearer token of the admin pages; closed without it."
    )

    enable_performance_tracking: bool = Field(
        default=True, description="Write ai_requests and aggregate them daily."
    )
    daily_aggregation_hour: int = Field(
        default=2, ge=0, le=23, description="UTC hour at which the day that ended is aggregated."
    )
    health_max_latency_ms: int = Field(
        default=15_000, gt=0, description="A health ping slower than this is degraded."
    )
    health_max_error_rate: float = Field(
        default=0.10, gt=0, lt=1, description="Share of failed calls above which it is degraded."
    )
    health_failures_in_a_row: int = Field(
        default=3, ge=1, le=100, description="Failures after which a component is unhealthy."
    )
    health_ping_after_hours: float = Field(
        default=6.0,
        ge=0,
        description="Idle time before a model is asked at our own cost; 0 = never.",
    )
    alert_undelivered_minutes: float = Field(
        default=30.0, gt=0, description="Age at which a paid and undelivered order is an alert."
    )
    alert_webhook_url: Secret = Field(
        default=None, description="Slack-compatible address that is told of changes in health."
    )

    retention_content_days: int = Field(
        default=90,
        ge=7,
        le=3650,
        description="Answers in delivered jobs, horse and texts in ai_requests; figures stay.",
    )
    retention_attempts_days: int = Field(
        default=400,
        ge=60,
        le=3650,
        description="Whole documents of ai_requests; the daily aggregates stay.",
    )
    retention_events_days: int = Field(
        default=400,
        ge=180,
        le=3650,
        description="stripe_events after they were handled; disputes come up to 120 days late.",
    )
    retention_errors_days: int = Field(
        default=90, ge=7, le=3650, description="Documents of error_logs."
    )

    @model_validator(mode="before")
    @classmethod
    def _sandbox_addresses(cls, data: Any) -> Any:
        """In DEV_MODE every provider address that is not set points to the sandbox."""
        if not isinstance(data, dict) or not _truthy(data.get("dev_mode")):
            return data
        defaults = {
            "openrouter_base_url": f"{DEV_SANDBOX}/api/v1",
            "openai_base_url": f"{DEV_SANDBOX}/v1",
            "anthropic_base_url": DEV_SANDBOX,
            "stripe_api_base": DEV_SANDBOX,
            "resend_base_url": DEV_SANDBOX,
            "openrouter_api_key": "sk-or-v1-sandbox",
        }
        return defaults | data

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faults = [
            *self._database_faults(),
            *self._stage_faults(),
            *self._clock_faults(),
            *self._secret_faults(),
        ]
        if faults:
            raise ValueError("\n".join(faults))
        return self

    def _database_faults(self) -> list[str]:
        path = urlsplit(self.mongodb_uri.get_secret_value()).path.strip("/")
        if path or self.mongodb_db:
            return []
        return ["MONGODB_DB: the database must be named here or in the path of MONGODB_URI"]

    def _stage_faults(self) -> list[str]:
        direct = self.anthropic_api_key or self.openai_api_key
        if self.use_openrouter and not self.openrouter_api_key:
            return ["OPENROUTER_API_KEY: missing (or set USE_OPENROUTER=false)"]
        if not self.use_openrouter and not direct:
            return ["USE_OPENROUTER=false needs ANTHROPIC_API_KEY or OPENAI_API_KEY"]
        return []

    def _clock_faults(self) -> list[str]:
        clock = {
            "CONNECT_TIMEOUT": self.connect_s,
            "OPENROUTER_TIMEOUT": self.openrouter_timeout,
            "MODEL_BUDGET_SECONDS": self.model_budget_s,
            "CHAIN_BUDGET_SECONDS": self.chain_budget_s,
            "JOB_BUDGET_SECONDS": self.job_budget_s,
        }
        pairs = zip(clock.items(), list(clock.items())[1:], strict=False)
        return [
            f"{longer}: {more:g} s must be more than {shorter} ({less:g} s)"
            for (shorter, less), (longer, more) in pairs
            if less >= more
        ]

    def _secret_faults(self) -> list[str]:
        faults = []
        if self.is_production and not self.stripe_webhook_secret:
            faults.append("STRIPE_WEBHOOK_SECRET: production does not start without it")
        if self.mail_provider is MailProvider.RESEND and not self.resend_api_key:
            faults.append("RESEND_API_KEY: missing for MAIL_PROVIDER=resend")
        if self.mail_provider is MailProvider.SMTP and not self.smtp_url:
            faults.append("SMTP_URL: missing for MAIL_PROVIDER=smtp")
        if self.mail_provider is not MailProvider.OFF and not self.mail_from:
            faults.append(f"MAIL_FROM: missing for MAIL_PROVIDER={self.mail_provider}")
        if self.alert_webhook_url and not _is_http(self.alert_webhook_url):
            faults.append("ALERT_WEBHOOK_URL: must be an http(s) URL")
        if self.flower_basic_auth and not _is_user_password(self.flower_basic_auth):
            faults.append("FLOWER_BASIC_AUTH: must be user:password")
        return faults

    def warnings(self) -> list[str]:
        """Say what is legal but worth a look; logged at every start."""
        found = []
        if self.is_production and not self.livemode:
            found.append("ENVIRONMENT=production with STRIPE_LIVEMODE=false: a staging system")
        if not self.stripe_webhook_secret:
            found.append("STRIPE_WEBHOOK_SECRET is empty: the webhook answers 503")
        if not self.stripe_api_key:
            found.append(
                "STRIPE_API_KEY is not set: nobody looks for payments whose webhook is lost"
            )
        elif not self.can_read_stripe:
            found.append(
                "STRIPE_API_KEY is of the other mode than STRIPE_LIVEMODE: reads will fail, and "
                "nobody looks for payments whose webhook is lost"
            )
        if not self.valuation_prices or not self.certificate_prices:
            found.append("VALUATION_PRICES or CERTIFICATE_PRICES is empty: amounts are not checked")
        if self.mail_provider is MailProvider.OFF:
            found.append("MAIL_PROVIDER=off: customers get no mail")
        elif not self.stripe_api_key:
            found.append("STRIPE_API_KEY is not set: customer mails wait, nobody to address")
        if not (self.anthropic_api_key or self.openai_api_key):
            found.append("no direct provider key: the chain has no emergency stage")
        return found

    @property
    def is_production(self) -> bool:
        return self.environment.strip().casefold() == "production"

    @property
    def livemode(self) -> bool:
        return self.is_production if self.stripe_livemode is None else self.stripe_livemode

    @property
    def can_read_stripe(self) -> bool:
        """Say whether there is a key, and of our own mode: the other one's orders are not ours."""
        return bool(self.stripe_api_key) and _key_mode(self.stripe_api_key) in {None, self.livemode}

    @property
    def connect_s(self) -> float:
        return self.connect_timeout or min(5.0, self.openrouter_timeout / 2)

    @property
    def model_budget_s(self) -> float:
        return self.model_budget_seconds or 2 * self.openrouter_timeout

    @property
    def chain_budget_s(self) -> float:
        return self.chain_budget_seconds or 4 * self.model_budget_s

    @property
    def job_budget_s(self) -> float:
        return self.job_budget_seconds or self.chain_budget_s + 120.0


def _truthy(value: object) -> bool:
    try:
        return TypeAdapter(bool).validate_python(value if value is not None else False)
    except ValidationError:
        return False


def _is_user_password(secret: SecretStr) -> bool:
    user, colon, password = secret.get_secret_value().partition(":")
    return bool(user and colon and password)


def _is_http(url: SecretStr) -> bool:
    parts = urlsplit(url.get_secret_value())
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def _key_mode(key: SecretStr | None) -> bool | None:
    """Tell a Stripe key's mode by its prefix; None when it has none."""
    prefix = key.get_secret_value().split("_")[1:2] if key else []
    return {"live": True, "test": False}.get(prefix[0]) if prefix else None
