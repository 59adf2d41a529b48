"""What the pages show is true: a fifth paper loads, ladders and short commands hold."""

import re
import shlex
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from repro import places
from repro.commands._entry import main
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.records.ledger import Ledger
from repro.render import grid, markdown
from repro.spec import catalogue
from tests.stories import pages

ADDING, EVIDENCE = pages.PAGES["docs/adding.md"], pages.PAGES["docs/evidence.md"]


def blocks(start: str, end: str = "") -> list[str]:
    """Return the TOML of a part of the page, from one heading to another."""
    part = ADDING[ADDING.index(start) :]
    part = part[: part.index(end)] if end else part
    return re.findall(r"```toml\n(.*?)```", part, re.DOTALL)


def birdnet2(folder: Path) -> Path:
    """Write the fifth paper of the page; return its table."""
    names = re.findall(r"`tables/birdnet2/(\w+\.toml)`", ADDING)
    assert sorted(names) == ["accuracy.toml", "paper.toml", "recipes.toml"]
    paper = folder / "birdnet2"
    paper.mkdir(parents=True)
    for name, block in zip(names, blocks("# Adding a paper", "## A rival"), strict=True):
        (paper / name).write_text(block, encoding="utf-8")
    return paper / "accuracy.toml"


def test_a_fifth_paper_is_three_files(tmp_path: Path) -> None:
    entry = catalogue.load_file(birdnet2(tmp_path))
    plan = plan_table(entry, Request(), places.home(tmp_path / "home"))

    assert entry.id == "birdnet2-accuracy"
    assert len(plan.runs) == 3
    assert [reading.assumption.key for reading in plan.assumed] == ["batch"]
    text = markdown.render(grid.build(plan, Ledger([]), "repro table", tmp_path), "both")
    assert "93.40" in text
    assert "NOT RUN" in text


def test_a_rival_is_a_file_and_a_line_in_a_quoted_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's rival, trained by the page's recipe in the page's table."""
    monkeypatch.setenv("REPRO_EXTENSIONS", str(tmp_path))
    table = birdnet2(tmp_path / "tables")
    declared, row = blocks("## A rival")
    recipe = blocks("# Adding a paper", "## A rival")[1].partition("[recipes.main]\n")[2]
    recipe = recipe.partition("[[assumption]]")[0].partition("\n")[2]  # with a source of its own
    rivals = tmp_path / "tables" / "rivals"
    rivals.mkdir()
    (rivals / "finch.toml").write_text(declared + recipe, encoding="utf-8")
    quoted = row + 'label = "Finch"\nsource = "Finch 2021"\ncells = ["80.00"]\n'
    table.write_text(table.read_text(encoding="utf-8") + "\n" + quoted, encoding="utf-8")

    request = Request(rivals=True)
    plan = plan_table(catalogue.load_file(table), request, places.home(tmp_path / "home"))
    assert {run.system for run in plan.runs} == {"asm", "finch-40"}
    assert [one.label for one in plan.entry.table.row] == ["ASM", "Finch", "Finch, trained here"]


# What answers at once, needs nothing that a new clone lacks, and changes nothing.
QUICK = re.compile(
    r"repro (list|show|plan|status|models( show| list|$)|weights list|data list|doctor|audit|"
    r"compare|cells|cite|explain|figure|runs (list|show|stale|check|diff|export \S+ \w{12})|"
    r"table .*(--render-only|--printed))"
)
SLOW = re.compile(  # or in need of audio, or of what another command of its page has made
    r" (--gpu|--slurm|\||--format (sh|slurm|k8s|sky))|[A-Z]{3,}|audit all|--components|"
    r"--against|--selftest|--on words|mypaper|mynet"
)
LADDER = re.compile(r"--ladder .*--assume|--on .*--ladder")  # compared to the letter, below
COMMANDS = [
    line
    for _, line in pages.shown()
    if QUICK.match(line) and not SLOW.search(line) and not LADDER.search(line)
]


def test_some_commands_are_quick():
    assert len(COMMANDS) > 15


@pytest.mark.slow
@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_on_a_page_runs(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")  # what it writes lies there
    words = shlex.split(line.partition(" > ")[0])[1:]
    done = CliRunner().invoke(main, words, env={"REPRO_HOME": str(tmp_path / "home")})
    assert done.exit_code in (0, 3, 4), done.output
    assert done.output.strip()
    if "-o" in words or "export" in words:
        assert any((tmp_path / "here").iterdir())


SHOWN = re.findall(
    r"^\$ repro (.*--(?:ladder|components).*)\n((?:.*\n)*?)(?=\n\$|```)", EVIDENCE, re.MULTILINE
)


@pytest.mark.slow
@pytest.mark.parametrize(("words", "shown"), SHOWN, ids=[words for words, _ in SHOWN])
def test_what_a_page_shows_is_what_the_committed_records_give(
    words: str, shown: str, tmp_path: Path
) -> None:
    done = CliRunner().invoke(main, [*shlex.split(words), "--home", str(tmp_path)])
    assert done.stdout.strip() == shown.strip()


def test_every_dataset_is_shown() -> None:
    found = Counter(words.partition("--on ")[2].split()[0] for words, _ in SHOWN)
    assert found == {"urbansound8k": 2, "ravdess_speech": 2, "esc10": 3}


THREE_FOLDS = (
    "table m3net-urbansound8k --on urbansound8k --folds 1,2,10 --with-rivals --render-only"
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said", "times"),
    [
        ("--protocol official --format text", "p = 0.5499; signed ranks p = 0.2500", 1),
        ("--ladder protocol", "; paired by the 392 groups tested under both: ", 3),
    ],
    ids=["a screen shows our pairs", "a rival without runs takes nothing from a ladder"],
)
def test_pairs_of_the_committed_records_are_shown(
    words: str, said: str, times: int, tmp_path: Path
) -> None:
    asked = shlex.split(f"{THREE_FOLDS} {words}")
    done = CliRunner().invoke(main, [*asked, "--home", str(tmp_path)])
    assert " ".join(done.stdout.split()).count(said) == times
