"""repro completion: what words can become, in bash itself too, and nothing heavy is loaded."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from repro.commands._entry import main
from repro.commands.completion import command as completion
from repro.commands.completion import sources
from repro.spec.catalogue import load
from repro.spec.index import paper_ids, table_paths


@pytest.mark.parametrize("verb", ["table", "show", "plan", "compare", "cells", "cite", "report"])
def test_tables_papers_and_all_follow_a_verb(verb: str) -> None:
    assert set(completion.candidates([verb, ""])) >= {*table_paths(), *paper_ids(), "all"}
    assert set(completion.candidates([verb, "asmrh-u"])) == {
        "asmrh-urbansound8k", "asmrh-urbansound8k-10fold",
    }  # fmt: skip


def test_assumptions_are_those_of_the_table_and_values_those_that_are_listed() -> None:
    keys = {f"{a.key}=" for a in load("asmrh-casia").assumptions()}
    assert set(completion.candidates(["table", "asmrh-casia", "--assume", ""])) == keys
    for typed in (["hfft-axis="], ["hfft-axis", "="], ["hfft-axis", "=", "t"]):
        words = ["table", "asmrh-casia", "--assume", *typed]
        assert list(completion.candidates(words)) == ["hfft-axis=time"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (["tab"], {"table"}),
        (["data", "fetch", "esc"], {"esc10", "esc50"}),
        (["table", "x", "--on", "ravdess_so"], {"ravdess_song"}),
        (["runs", "sh"], {"show"}),
        (["runs", "show", "004fecae"], {"004fecae9393"}),
        (["verify", "004fecae"], {"004fecae9393"}),
        (["table", "x", "--only", "asm-rh-"], {"asm-rh-a", "asm-rh-i"}),
        (["weights", "fetch", "DeiT-"], {"DeiT-S", "DeiT-Ti"}),
        (["table", "x", "--notes", "f"], {"full"}),
        (["table", "x", "--stand"], {"--standalone"}),
        (["runs", "list", "--form"], {"--format"}),
        (["figure", "x", "--format", ""], {"svg", "pdf", "png"}),
        (["models", "measure", "--no-t"], {"--no-times"}),
        (["audit", "p", "--"], set(sources.options(["audit", "p"]))),
        (["no-such-verb", ""], set()),
    ],
)
def test_a_word_is_completed_by_its_place(typed: list[str], found: set[str]) -> None:
    assert set(completion.candidates(typed)) == found


def commands(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command, groups too."""
    context = click.Context(group)
    for name in group.list_commands(context):
        yield (*words, name)
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from commands(found, (*words, name))


@pytest.mark.parametrize("words", list(commands(main)), ids=" ".join)
def test_options_and_choices_are_those_of_the_command_itself(words: tuple[str, ...]) -> None:
    """Read from the source here, and asked of click."""
    found: click.Command = main
    for word in words:
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), word)
    wanted = {"--help": ()}
    for one in found.params:
        if isinstance(one, click.Option):
            choices = tuple(one.type.choices) if isinstance(one.type, click.Choice) else ()
            names = (*one.opts, *one.secondary_opts)
            wanted |= {name: choices for name in names if name.startswith("--")}
    if found.hidden:
        words = words[:-1]
    if isinstance(found, click.Group):
        below = {name: found.get_command(click.Context(found), name) for name in found.commands}
        assert sources.verbs_below(*words) == sorted(n for n, c in below.items() if not c.hidden)
        assert sources.options([*words]) == wanted
    else:
        assert sources.options([*words, "asmrh-casia"]) == wanted


def test_nothing_that_takes_long_is_loaded() -> None:
    code = (
        "import sys\nfrom repro.commands._entry import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print(*(m for m in ('torch', 'numpy', 'pydantic', 'rich') if m in sys.modules))"
    )
    for typed in (["table", "as"], ["table", "--assume", "h"], ["data", "fetch", "e"],
                  ["table", "--"], ["runs", "e"], ["appendix", "--format", "m"]):  # fmt: skip
        words = [sys.executable, "-c", code, "completion", "words", "--", *typed]
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.stdout.splitlines()[-1] == "", done.stdout + done.stderr


@pytest.mark.parametrize("shell", completion.SCRIPTS)
def test_the_script_is_one_that_its_shell_reads(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "script"
    script.write_text(CliRunner().invoke(main, ["completion", shell]).stdout)
    done = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "reply"),
    [
        (["repro", "table", "asmrh-cas"], "asmrh-casia"),
        (["repro", "table", "asmrh-casia", "--assume", "hfft-axis", "=", "t"], "time"),
        (["repro", "table", "asmrh-casia", "--assume", "hfft-axis", "="], "time"),
    ],
)
def test_bash_completes(words: list[str], reply: str, tmp_path: Path) -> None:
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    (tmp_path / "repro").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m repro_entry "$@"\n')
    (tmp_path / "repro").chmod(0o755)
    (tmp_path / "repro_entry.py").write_text("from repro.commands._entry import main\nmain()\n")
    quoted = " ".join(f"'{word}'" for word in words)
    script = completion.SCRIPTS["bash"] + (
        f"\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _repro 2>/dev/null\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    checkout = Path(__file__).resolve().parents[2]
    environment = {
        **os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": f"{tmp_path}:{checkout}",
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "--norc", "-c", script], capture_output=True, text=True, env=environment
    )
    assert done.stdout.split() == [reply], done.stderr
