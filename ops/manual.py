"""`docs/commands.md`, written from the command's own help so that the two cannot drift apart.

`python -m ops.manual > docs/commands.md` renews it.
"""

from collections.abc import Iterator
from typing import Any, Final

import typer
from typer.main import get_command

from ops.cli import NAME, app

WIDTH: Final = 96
OPENING: Final = f"""# The {NAME} command

How people look after the system. `python -m ops` is the same command without being installed.
It reads the environment of the processes (see `.env.example`) and prints tables, or JSON with
`--json`. Reports go to standard output, questions and messages to standard error.
"""


def render() -> str:
    """Return the page: the help of every command."""
    return OPENING + "".join(
        _sections(get_command(app), typer.Context(get_command(app), info_name=NAME))
    )


def _sections(command: Any, context: typer.Context) -> Iterator[str]:
    children = getattr(command, "commands", {})
    for name, child in children.items():
        inside = typer.Context(child, info_name=name, parent=context, terminal_width=WIDTH)
        if getattr(child, "commands", None):
            yield from _sections(child, inside)
        else:
            text = child.get_help(inside).rstrip()
            yield f"\n## {inside.command_path}\n\n```\n{text}\n```\n"


if __name__ == "__main__":
    print(render(), end="")
