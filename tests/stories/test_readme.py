"""What README says is true: its files for a fifth paper load and render, its commands exist."""

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from repro import places
from repro.commands._entry import main
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.records.ledger import Ledger
from repro.render import grid, markdown
from repro.spec import catalogue

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def test_a_fifth_paper_is_three_files(tmp_path: Path) -> None:
    names = re.findall(r"`tables/birdnet2/(\w+\.toml)`", README)
    blocks = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    assert sorted(names) == ["accuracy.toml", "paper.toml", "recipes.toml"]
    folder = tmp_path / "birdnet2"
    folder.mkdir()
    for name, block in zip(names, blocks, strict=True):
        (folder / name).write_text(block, encoding="utf-8")

    entry = catalogue.load_file(folder / "accuracy.toml")
    plan = plan_table(entry, Request(), places.home(tmp_path / "home"))

    assert entry.id == "birdnet2-accuracy"
    assert len(plan.runs) == 3
    assert [assumption.key for assumption, _ in plan.assumed] == ["batch"]
    text = markdown.render(grid.build(plan, Ledger([]), "repro table", tmp_path), "both")
    assert "93.40" in text
    assert "NOT RUN" in text


COMMANDS = [
    shlex.split(line.partition("   ")[0])[1:]
    for block in re.findall(r"```\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("repro ") and not line.startswith("repro/")
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_in_readme_parses(words: list[str]) -> None:
    command: click.Command = main
    context = click.Context(main, info_name="repro")
    while isinstance(command, click.Group) and words:
        found = command.get_command(context, words[0])
        if found is None:
            break
        command, words = found, words[1:]
        context = click.Context(command, parent=context, info_name=command.name)
    assert command is not main
    command.make_context(command.name, list(words), parent=context.parent)


LADDERS = re.findall(r"^\$ repro (.*--ladder.*)\n((?:.*\n)*?)(?=\n\$|```)", README, re.MULTILINE)


@pytest.mark.parametrize(("words", "shown"), LADDERS, ids=[words for words, _ in LADDERS])
def test_a_ladder_in_readme_is_what_the_committed_records_give(
    words: str, shown: str, tmp_path: Path
) -> None:
    done = CliRunner().invoke(main, [*shlex.split(words), "--home", str(tmp_path)])
    assert done.stdout.strip() == shown.strip()


def test_readme_shows_both_datasets() -> None:
    assert [dataset in words for (words, _), dataset in
            zip(LADDERS, ("ravdess_speech", "esc10"), strict=True)] == [True, True]  # fmt: skip
