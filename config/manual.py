"""`docs/configuration.md`, written from the settings so that the two cannot drift apart.

`python -m config.manual > docs/configuration.md` renews it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from config import readers
from config.env_example import default_text
from config.settings import GROUPS, MailProvider, Settings

OPENING: Final = """# Configuration

Every process reads its environment and nothing else, and every process checks all of it: give the
same variables to web, worker, beat and Flower. Unknown variables are ignored, empty ones count as
unset. A process that finds faults reports all of them at once, without values, and exits with 78.
`pferdewert doctor` checks the same and asks the servers too. [.env.example](../.env.example) is
the same list to fill in.

Secrets never appear in logs or faults. Enough for a start: {enough}.
"""
WORDS: Final = (
    (str, "text"),
    (bool, "`true` or `false`"),
    (int, "whole number"),
    (float, "number"),
    (bool | None, "`true` or `false`"),
    (MailProvider, "word"),
    (readers.LogLevel, "word"),
    (readers.OptionalText, "text"),
    (readers.Secret, "text"),
    (readers.TextList, "comma list"),
    (readers.NetworkList, "comma list of addresses and networks"),
    (readers.HeaderName, "name of a header"),
    (readers.SecretList, "comma list"),
    (readers.PriceList, "comma list of prices"),
    (readers.SecondsList, "comma list of seconds"),
    (readers.Seconds, "number"),
    (readers.OptionalSeconds, "seconds"),
    (readers.Port, "port number"),
    (readers.Url, "http(s) address"),
    (readers.OpenRouterUrl, "http(s) address"),
    (readers.OpenAIUrl, "http(s) address"),
    (readers.MongoUri, "`mongodb://` or `mongodb+srv://` address"),
    (readers.MongoDatabase, "name of a database"),
    (readers.RedisUrl, "`redis://` or `rediss://` address"),
    (readers.SmtpUrl, "`smtp://` or `smtps://` address"),
)
BOUNDS: Final = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "length at least {}",
}
DERIVED: Final = {
    "connect_timeout": "connect_s",
    "model_budget_seconds": "model_budget_s",
    "chain_budget_seconds": "chain_budget_s",
    "job_budget_seconds": "job_budget_s",
    "stripe_livemode": "livemode",
}
"""Settings whose default follows from others, and the property that says what it is."""

ENOUGH: Final = {
    "mongodb_uri": "mongodb://127.0.0.1/shop",
    "redis_url": "redis://127.0.0.1",
    "openrouter_api_key": "sk-or-v1-x",
}
CONFLICTS: Final[tuple[Mapping[str, str], ...]] = (
    {"MONGODB_URI": "mongodb://127.0.0.1"},
    {"OPENROUTER_API_KEY": ""},
    {"USE_OPENROUTER": "false"},
    {"ENVIRONMENT": "production"},
    {"MAIL_PROVIDER": "resend"},
    {"MAIL_PROVIDER": "smtp"},
    {"OPENROUTER_TIMEOUT": "60", "MODEL_BUDGET_SECONDS": "45"},
    {"FLOWER_BASIC_AUTH": "nobody"},
    {"ALERT_WEBHOOK_URL": "nowhere"},
    {"TRUSTED_PROXIES": "*"},
)


class _Given(Settings):
    """Settings from the given values alone: the page must not depend on who writes it."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is the library's
        init_settings: PydanticBaseSettingsSource,
        *_args: PydanticBaseSettingsSource,
        **_others: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def render() -> str:
    """Return the page: every variable by group, then what does not go together."""
    enough = ", ".join(f"`{name.upper()}`" for name in ENOUGH)
    lines = [
        OPENING.format(enough=enough).rstrip(),
        *_groups(),
        *_sandbox_section(),
        *_conflict_section(),
    ]
    return "\n".join(lines) + "\n"


def _groups() -> Iterator[str]:
    usual = _given()
    for name in Settings.model_fields:
        if name in GROUPS:
            yield from ("", f"## {GROUPS[name]}", "", *_head("Meaning", "Value", "Default"))
        meaning = (Settings.model_fields[name].description or "").replace("<", "&lt;")
        value = "; ".join(_value(name))
        yield _row(f"`{name.upper()}`", meaning, value, _default(name, usual))


def _value(name: str) -> Iterator[str]:
    yield next(words for kind, words in WORDS if Settings.__annotations__[name] == kind)
    parts = list(_parts(Settings.model_json_schema(), name))
    for part in parts:
        if choices := part.get("enum"):
            yield "one of " + ", ".join(f"`{choice}`" for choice in choices)
        yield from (words.format(f"{part[key]:g}") for key, words in BOUNDS.items() if key in part)
    if any(part.get("writeOnly") for part in parts):
        yield "**secret**"


def _parts(whole: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the schemas a value must fit: its own, those it may be instead of null, its items'."""
    waiting = [whole["properties"][name]]
    while waiting:
        schema = waiting.pop(0)
        yield schema
        waiting += schema.get("anyOf", [])
        waiting += [schema["items"]] if "items" in schema else []
        if reference := schema.get("$ref", "").rpartition("/")[2]:
            waiting.append(whole["$defs"][reference])


def _default(name: str, usual: Settings) -> str:
    field = Settings.model_fields[name]
    if field.is_required():
        return "**required**"
    if source := DERIVED.get(name):
        return f"derived; with the other defaults `{_text(getattr(usual, source))}`"
    text = default_text(field)
    return f"`{text}`" if text else "none"


def _text(value: float) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"


def _sandbox_section() -> Iterator[str]:
    usual, sandbox = _given(), _given(DEV_MODE="true", OPENROUTER_API_KEY=None)
    yield from ("", "## What DEV_MODE changes", "")
    yield "With `DEV_MODE=true` these have other defaults; whatever is set still wins:"
    yield ""
    for name in Settings.model_fields:
        if name not in {"dev_mode", "openrouter_api_key"}:
            before, after = getattr(usual, name), getattr(sandbox, name)
            if before != after:
                yield f"- `{name.upper()}`: `{after}`"
    yield "- `OPENROUTER_API_KEY`: one that only the sandbox knows"


def _conflict_section() -> Iterator[str]:
    yield from ("", "## What does not go together", "")
    yield "Refused at the start, beside values that cannot be read, with exactly these words:"
    yield from ("", "| With | a process says |", "|---|---|")
    for conflict in CONFLICTS:
        with_ = ", ".join(f"`{name}={value}`" for name, value in conflict.items())
        yield _row(with_, "<br>".join(faults_of(conflict)))
    yield from ("", "Legal, but said as a warning at every start, here with nothing optional set:")
    yield ""
    yield from (f"- {warning}" for warning in _given().warnings())


def faults_of(conflict: Mapping[str, str]) -> list[str]:
    """Return what a process says. Raises LookupError when it would start after all."""
    try:
        _given(**conflict)
    except ValidationError as error:
        told = [str(fault["msg"]).removeprefix("Value error, ") for fault in error.errors()]
        return [line for text in told for line in text.splitlines()]
    raise LookupError(f"{', '.join(conflict)}: no longer refused")


def _given(**changes: str | None) -> Settings:
    values = ENOUGH | {name.lower(): value for name, value in changes.items()}
    known: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    return _Given(**known)


def _head(*columns: str) -> list[str]:
    return [_row("Variable", *columns), "|" + "---|" * (len(columns) + 1)]


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    print(render(), end="")  # noqa: T201 - this module's whole purpose
