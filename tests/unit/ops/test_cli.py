"""The command line itself: help, exit codes, the page in docs, and no tracebacks."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from domain.errors import Unavailable
from ledger.connection import LedgerMisconfigured
from ops.cli import app
from ops.manual import render
from ops.running import Exit, Refused, guarded

PAGE = Path(__file__).parents[3] / "docs" / "commands.md"
NOTHING = {"MONGODB_URI": "", "REDIS_URL": "", "OPENROUTER_API_KEY": "", "DEV_MODE": ""}


def commands(command: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    children = getattr(command, "commands", None)
    if not children:
        return [(path, command)]
    return [leaf for name, child in children.items() for leaf in commands(child, (*path, name))]


LEAVES = commands(get_command(app))


def test_the_page_in_docs_is_the_help() -> None:
    """`python -m ops.manual > docs/commands.md` renews it."""
    assert PAGE.read_text(encoding="utf-8") == render()


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[" ".join(path) for path, _ in LEAVES])
def test_every_command_explains_itself(path: tuple[str, ...], command: Any) -> None:
    """A sentence, an example of its own, the exit codes; reading commands print JSON too."""
    assert command.help
    assert f"Example: pferdewert {' '.join(path)}" in command.epilog
    assert "Exit codes: 0" in command.epilog
    assert "--json" in {name for option in command.params for name in option.opts}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["status"], Exit.SETTINGS),
        (["orders", "show"], Exit.USAGE),
        (["orders", "list", "--state", "lost"], Exit.USAGE),
        (["orders", "park", "x", "--why", " "], Exit.USAGE),
        (["webhook", "send", "checkout.session.completed"], Exit.USAGE),
        (["aggregate", "--date", "yesterday"], Exit.USAGE),
    ],
)
def test_exit_codes(arguments: list[str], code: Exit) -> None:
    """A bare environment is told with all faults; wrong usage is the command line's own."""
    result = CliRunner().invoke(app, arguments, env=NOTHING)

    assert result.exit_code == code
    assert "Traceback" not in result.output


def test_the_doctor_tells_all_faults_of_an_empty_environment() -> None:
    """It fails, and goes on to the checks that need nothing."""
    result = CliRunner().invoke(app, ["doctor"], env=NOTHING | {"PW_MODEL": "x"})

    assert result.exit_code == Exit.FAILED
    for word in ("MONGODB_URI: missing", "REDIS_URL: missing", "PW_MODEL is obsolete"):
        assert word in result.output


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (Refused("Do this instead."), Exit.FAILED, "Do this instead."),
        (Unavailable("MongoDB did not answer"), Exit.NO_MONGODB, "MONGODB_URI"),
        (LedgerMisconfigured("No database is named"), Exit.SETTINGS, "No database"),
        (KeyError("secret"), Exit.UNFORESEEN, "KeyError at test_cli.py:"),
    ],
)
def test_failures_end_with_a_message(
    error: Exception, code: Exit, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that helps on standard error, nothing of the error's own text if unforeseen."""

    async def work() -> None:
        await asyncio.sleep(0)
        raise error

    with pytest.raises(typer.Exit) as ended:
        guarded(work)

    told = capsys.readouterr()
    assert ended.value.exit_code == code
    assert words in told.err
    assert "secret" not in told.err
    assert told.out == ""
