"""What is written for users is true: every command shown parses, every verb explains itself."""

import os
import re
import shlex
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from repro.commands._entry import main
from repro.spec import catalogue
from tests.stories import pages

CHECKOUT, README = pages.CHECKOUT, pages.PAGES["README.md"]
# Completion is shown on names that are not whole.
EVERY = "\n".join(text for page, text in pages.PAGES.items() if page != "docs/completion.md")


def commands(command, path):
    """Yield every command below one, with the words that lead to it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if not found.hidden:
                yield from commands(found, [*path, name])


ALL = {" ".join(path): command for path, command in commands(main, ["repro"])}


@pytest.fixture
def parse(monkeypatch):
    """Give the exit code of a command that is parsed to its end, but not run."""
    monkeypatch.setattr(click.Command, "invoke", lambda self, context: None)

    def parse(line):
        words = shlex.split(line)[1:]
        ends = [n for n, word in enumerate(words) if word in ("|", ">", ">>", "<")]
        return CliRunner().invoke(main, words[: ends[0]] if ends else words).exit_code

    return parse


@pytest.mark.parametrize("path", ALL)
def test_every_command_explains_itself_with_examples_that_parse(path, parse):
    command = ALL[path]
    with click.Context(command, info_name=path) as context:
        text = command.get_help(context)
    assert command.help.strip()
    examples = pages.commands(command.help.replace("\b", ""))
    assert examples, f"{path} --help has no example"
    assert [example for example in examples if parse(example) != 0] == []
    own = path.split()[:2] if path != "repro" else ["repro"]
    assert any(example.split()[: len(own)] == own for example in examples)
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.opts[-1] in text


# What they write is a file, or a script.
FILES = {"repro report", "repro figure", "repro appendix", "repro completion"}
FILES |= {path for path in ALL if path.startswith("repro new ")}


def test_every_answer_can_be_had_as_json():
    leaves = {path: c for path, c in ALL.items() if not isinstance(c, click.Group)}
    formats = {
        path: parameter.type.choices
        for path, command in leaves.items()
        for parameter in command.params
        if "--format" in parameter.opts
    }
    assert {path for path in leaves if "json" not in formats.get(path, ())} == FILES


@pytest.mark.parametrize(("page", "line"), pages.shown())
def test_every_command_on_a_page_parses(page, line, parse):
    assert parse(line) == 0


@pytest.mark.parametrize(
    "wrong", ["repro table x --nonsense", "repro nonsense", "repro list too", "repro runs shaw x"]
)
def test_a_command_that_does_not_parse_would_be_noticed(wrong, parse):
    assert parse(wrong) == 2


def test_every_make_target_in_the_readme_exists():
    targets = re.findall(r"^([\w-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    named = set(re.findall(r"\bmake ([a-z-]+)\b(?=\s+#|`)", README))
    assert {"demo", "test"} <= named <= set(targets)


def test_every_table_that_the_readme_names_exists():
    entries = catalogue.load_all()
    ids = {entry.id for entry in entries}
    systems = {name for entry in entries for name in entry.recipes.systems}
    named = set(re.findall(r"(?<![\w/-])(?:asmrh|m3net|gafx|eat)-[a-z0-9-]*[a-z0-9]", EVERY))
    assert named & ids
    assert named <= ids | systems
    (count,) = re.findall(r"repro list +the (\d+) tables", README)
    assert int(count) == len(ids)


@pytest.mark.parametrize("entry", catalogue.load_all(), ids=lambda entry: entry.id)
def test_the_command_at_the_head_of_a_table_file_parses(entry, parse):
    (command, *_) = pages.commands(entry.path.read_text().splitlines()[0].removeprefix("# "))
    assert parse(command) == 0


def test_every_file_and_folder_that_a_page_names_is_there():
    named = set(re.findall(r"`((?:repro|tests|tables|docs|benchmarks|manifests)/[\w./-]+)`", EVERY))
    assert len(named) > 10
    named = {path for path in named if "birdnet2" not in path}  # the paper of the example
    assert [path for path in sorted(named) if not (CHECKOUT / path).exists()] == []


@pytest.mark.parametrize("page", pages.PAGES)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", pages.PAGES[page]):
        if "://" not in target:
            assert ((CHECKOUT / page).parent / target).exists(), target


def test_the_site_builds_without_warnings(tmp_path):
    pytest.importorskip("material", reason="mkdocs-material is not installed")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path)]
    done = subprocess.run(
        command, cwd=CHECKOUT, capture_output=True, text=True,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    assert (tmp_path / "papers" / "m3net.html").is_file()
