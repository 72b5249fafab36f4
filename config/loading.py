"""Reading the environment: everything that is wrong with it, in one message, without values."""

from typing import Any, Final

from pydantic import ValidationError

from config.settings import Settings

_STAND_INS: Final = {"mongodb_uri": "mongodb://unread/unread", "redis_url": "redis://unread"}


class SettingsError(RuntimeError):
    """The environment does not add up; the message lists every fault, no values."""


def load() -> Settings:
    """Read the environment. Raises SettingsError naming all faults at once."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(_readable([*_faults(error), *_further_faults(error)])) from None


def _further_faults(error: ValidationError) -> list[str]:
    """Say what else is wrong: pydantic compares fields only when each of them can be read."""
    unreadable = {str(fault["loc"][0]) for fault in error.errors() if fault["loc"]}
    if not unreadable:
        return []
    try:
        Settings(**{name: _STAND_INS.get(name, _default(name)) for name in unreadable})
    except ValidationError as further:
        return _faults(further)
    return []


def _default(name: str) -> Any:
    field = Settings.model_fields.get(name)
    return field.get_default(call_default_factory=True) if field else None


def _faults(error: ValidationError) -> list[str]:
    lines = []
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        name = str(fault["loc"][0]).upper() + ": " if fault["loc"] else ""
        text = fault["msg"].removeprefix("Value error, ").replace("Field required", "missing")
        lines += [f"{name}{line}" for line in text.splitlines()]
    return lines


def _readable(faults: list[str]) -> str:
    lines = "\n".join(f"  - {fault}" for fault in faults)
    return f"The environment does not add up:\n{lines}\nSee .env.example."
