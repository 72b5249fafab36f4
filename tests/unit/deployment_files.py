"""What the tests of the supervisors' files share."""

import shlex
from pathlib import Path
from typing import Any, Final

import yaml

from config.settings import Settings
from worker.runtime import HAND_BACK_SECONDS, JOIN_SECONDS

Json = dict[str, Any]

ROOT: Final = Path(__file__).parents[2]
VARIABLES: Final = {name.upper() for name in Settings.model_fields}
SECRETS: Final = {
    name.upper()
    for name, field in Settings.model_fields.items()
    if "Secret" in str(field.annotation)
}
DRAIN_S: Final = (
    Settings.model_fields["worker_grace_seconds"].default + HAND_BACK_SECONDS + JOIN_SECONDS
)


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def read_yaml(name: str) -> Json:
    loaded: Json = yaml.safe_load(read(name))
    return loaded


def procfile() -> dict[str, list[str]]:
    """Return the command of each process."""
    lines = read("Procfile").splitlines()
    pairs = (line.split(":", 1) for line in lines if line.strip())
    return {name: shlex.split(command) for name, command in pairs}
