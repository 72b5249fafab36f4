"""What the pages name exists: targets, commands, variables, files, functions, routes, links."""

import ast
import functools
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from typer.main import get_command

from config import manual
from config.settings import Settings
from domain.job import ReasonCode
from ledger import names
from ops.cli import app
from producer.intake import ENDING, PAYING, WITHDRAWING
from tests.unit.producer.fakes import world

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
PAGES: Final = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))
OLD_BACKEND: Final = {"BACKEND_URL", "CLAUDE_MODEL", "MODEL_ID", "PW_MODEL"}
NOT_OURS: Final = OLD_BACKEND | {"ARGS", "EVENT_TYPE"}

every_page = pytest.mark.parametrize(
    "page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES]
)


def code_in(text: str) -> list[str]:
    """Return what a page sets as code: fenced or indented lines, and spans, in one line each."""
    found: list[str] = []
    prose: list[str] = []
    fenced = False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            found.append(line.strip())
            # Lists are indented too; spans in them count as spans.
            prose.append(line)
        else:
            prose.append(line)
    spans = re.findall(r"`([^`]+)`", "\n".join(prose))
    return found + [" ".join(span.split()) for span in spans]


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), re.MULTILINE))


def unknown_in_command(line: str) -> Iterator[str]:
    """Yield the commands and options of one `pferdewert …` that the command line lacks."""
    command: Any = get_command(app)
    for word in line.split("#", maxsplit=1)[0].split("|", maxsplit=1)[0].split():
        options = {name for option in command.params for name in option.opts} | {"--help"}
        children = getattr(command, "commands", None)
        if word.startswith("--"):
            yield from {word} - options
        elif children is not None and re.fullmatch("[a-z]+", word):
            if word not in children:
                yield word
                return
            command = children[word]


def variables_in(line: str) -> set[str]:
    named = re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", line)
    return {*named, *re.findall(r"\b([A-Z][A-Z0-9_]+)=", line)}


@functools.cache
def routes() -> set[tuple[str, str]]:
    return {
        (method.upper(), re.sub(r"\{[^}]*\}", "{}", path))
        for path, methods in world().app.openapi()["paths"].items()
        for method in methods
    }


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", read(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_code_is_told_from_prose() -> None:
    """Only what is set as code is taken at its word."""
    page = "make or break\n\n    make up\n\n`make\ntest`\n```\nmake lint\n```\n"

    assert code_in(page) == ["make up", "make lint", "make test"]


def test_wrong_commands_would_be_noticed() -> None:
    """A command or option that was renamed fails here and not in front of an operator."""
    assert list(unknown_in_command("orders lost cs_x")) == ["lost"]
    assert list(unknown_in_command("orders retry <session> --orderid x")) == ["--orderid"]
    assert list(unknown_in_command("orders list --state parked  # --lies")) == []


@every_page
def test_make_targets_exist(page: Path) -> None:
    used = {
        target for line in code_in(read(page)) for target in re.findall(r"\bmake ([a-z-]+)", line)
    }

    assert used <= targets()


@every_page
def test_commands_exist_with_their_options(page: Path) -> None:
    lines = [
        rest for line in code_in(read(page)) for rest in re.findall(r"\bpferdewert (.*)", line)
    ]

    assert [word for line in lines for word in unknown_in_command(line)] == []


@every_page
def test_modules_that_are_run_exist(page: Path) -> None:
    used = {
        name for line in code_in(read(page)) for name in re.findall(r"python -m ([\w.]+)", line)
    }

    assert [name for name in sorted(used) if importlib.util.find_spec(name) is None] == []


@every_page
def test_variables_are_settings(page: Path) -> None:
    known = {name.upper() for name in Settings.model_fields} | NOT_OURS
    used = {name for line in code_in(read(page)) for name in variables_in(line)}

    assert used - known == set()


@every_page
def test_links_resolve(page: Path) -> None:
    """Files exist, and so do the headings that a link points to."""
    broken = []
    for path, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", read(page)):
        if path.startswith(("http://", "https://")):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(f"{path}#{anchor}")

    assert broken == []


@every_page
def test_files_exist(page: Path) -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    used = {
        path
        for line in code_in(read(page))
        for path in re.findall(r"(?<![\w/.-])((?:[\w-]+/)+[\w-]+\.\w+)", line)
        if path.split("/")[0] in folders
    }

    assert [path for path in sorted(used) if not (ROOT / path).is_file()] == []


@every_page
def test_routes_exist(page: Path) -> None:
    """Routes of the sandbox (/control) and of the site (/api) are theirs."""
    used = {
        (method, re.sub(r"\{[^}]*\}", "{}", path))
        for line in code_in(read(page))
        for method, path in re.findall(r"^(GET|POST) (/[\w/{}.-]+)", line)
        if not path.startswith(("/control", "/api"))
    }

    assert used - routes() == set()


@every_page
def test_metrics_exist(page: Path) -> None:
    source = read(ROOT / "producer" / "metrics.py")
    used = {
        name for line in code_in(read(page)) for name in re.findall(r"\bpferdewert_(\w+)", line)
    }

    assert [name for name in sorted(used) if f'"{name}"' not in source] == []


STOPS: Final = re.findall(r"\[`(\S+): ([\w.]+)`\]\(\.\./([^)]+)\)", read(DOCS / "tour.md"))


@pytest.mark.parametrize(("path", "name", "link"), STOPS, ids=[f"{p}:{n}" for p, n, _ in STOPS])
def test_the_tour_stops_at_what_exists(path: str, name: str, link: str) -> None:
    """Every name is defined in the file it is said to be in."""
    assert link == path
    scope: Any = ast.parse(read(ROOT / path))
    for part in name.split("."):
        scope = next((node for node in scope.body if part in _defined(node)), None)
        assert scope is not None, f"{path} does not define {name}"


def _defined(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def test_the_tour_is_a_tour() -> None:
    """The pattern finds all of its stops."""
    assert len(STOPS) == read(DOCS / "tour.md").count(".py: ")


def test_the_configuration_page_is_the_settings() -> None:
    assert read(DOCS / "configuration.md") == manual.render(), "run: make env"


def test_what_the_page_calls_a_conflict_is_one() -> None:
    """A rule that is given up must leave the page."""
    with pytest.raises(LookupError):
        manual.faults_of({"LOG_LEVEL": "DEBUG"})


def test_stripe_is_subscribed_to_what_the_intake_understands() -> None:
    section = read(DOCS / "connecting-the-site.md").split("## ")[1]

    assert set(re.findall(r"`((?:checkout|charge|refund)\.[a-z_.]+)`", section)) == (
        PAYING | ENDING | WITHDRAWING
    )


def test_our_collections_are_listed() -> None:
    ours = {value for name, value in vars(names).items() if name.isupper() and name != "ORDERS"}
    text = read(DOCS / "connecting-the-site.md")

    assert [name for name in sorted(ours) if f"`{name}`" not in text] == []


def test_every_reason_has_its_line_in_the_runbook() -> None:
    text = read(DOCS / "when-a-job-is-parked.md")

    assert [reason for reason in ReasonCode if f"`{reason}`" not in text] == []
