"""Suggested commands ask for what was asked for: the same home, profile, data; and they work."""

import re
import shlex
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from repro import places
from repro.commands._entry import main
from repro.commands.shared import suggesting
from tests import tiny
from tests.commands import test_errors

TABLE = "asmrh-speechcommands"
CHECKOUT = places.shipped("tables").parent


def completed(step, typed, message="", program="repro"):
    """Complete a step as the command `typed` would."""
    with main.make_context(program, [], resilient_parsing=True) as context:
        context.meta[suggesting.TYPED] = shlex.split(typed)
        return suggesting.completed(step, message)


@pytest.mark.parametrize(
    ("typed", "message", "step", "expected"),
    [
        ("table t --home /h --profile demo", "", "repro show t",
         "repro show t --profile demo --home /h"),
        ("table t --home '/a b'", "", "repro data add x DIR", "repro data add x DIR --home '/a b'"),
        ("data fetch esc50 --home /h --keep --source hub", "", "repro data fetch esc50 --trust it",
         "repro data fetch --source hub --keep --home /h esc50 --trust it"),
        # What is refused is not suggested again: the option, or its value, is named.
        ("table t --seeds 0,7 --only a", "unknown seed 7: t declares 0", "repro show t",
         "repro show t --only a"),
        ("table t --assume axis=time --assume b=1", "unknown assumption 'axis'", "repro show t",
         "repro show t"),
        ("table t --profile full --data local", "--profile full is refused", "repro show t",
         "repro show t --data local"),
        # The home is right also where a message names it.
        ("runs show x --home /h", "/h/runs cannot be read", "repro runs list",
         "repro runs list --home /h"),
        # Nothing that the step says already, that the verb does not know, or of the output.
        ("plan t --format sh --home /h", "", "repro plan t", "repro plan t --home /h"),
        ("table t --format csv -o x --home /h", "", "repro show t --home /other",
         "repro show t --home /other"),
        ("table t --gpu 0 --home /h", "", "repro list", "repro list --home /h"),
        # A sentence about a command follows what it takes.
        ("data fetch x --home /h", "", "repro doctor lists the keys",
         "repro doctor --home /h lists the keys"),
        ("data fetch x --home /h", "", "repro show ID, which lists the keys",
         "repro show ID --home /h, which lists the keys"),
        # The table that was asked for stands in place of ID; of several, the first.
        ("table t --home /h", "", "repro show ID", "repro show t --home /h"),
        ("plan 'a b' u", "", "repro plan ID --card 3090", "repro plan 'a b' --card 3090"),
        ("train r --table t", "", "see repro show ID", "see repro show t"),
        ("all --home /h", "", "repro show ID", "repro show ID --home /h"),
        # Commands inside a sentence, several, and what only looks like one.
        ("status --home /h", "", "see repro runs show a, then repro runs retry a",
         "see repro runs show a --home /h, then repro runs retry a --home /h"),
        ("table t --home /h", "", "`repro all` needs, x-repro show, /repro show, repro nothing",
         "`repro all` needs, x-repro show, /repro show, repro nothing"),
        ("table t --no-such-option --home /h", "", "repro show t", "repro show t"),
    ],
)  # fmt: skip
def test_options_that_were_given_go_along(typed, message, step, expected):
    assert completed(step, typed, message) == expected


def test_without_a_command_line_a_step_stays_as_it_is():
    assert suggesting.completed("repro show t") == "repro show t"


def test_through_cli_py_what_was_typed_is_suggested():
    assert completed("repro show t", "list", program="python3 cli.py") == "python3 cli.py show t"
    words = [sys.executable, "-P", str(CHECKOUT / "cli.py")]
    for rest, said in (
        (["show"], f"Usage: {shlex.join(words)} show [OPTIONS] ID"),
        (["show"], f"Try '{shlex.join(words)} show --help'"),
        (["show", "asmrhh"], f"Next: {shlex.join(words)} list"),
    ):
        environment = {"PYTHONPATH": str(CHECKOUT)}
        done = subprocess.run([*words, *rest], capture_output=True, text=True, env=environment)
        assert done.returncode == 2
        assert said in " ".join(done.stderr.split())


# Of each refusal of the command line: what comes next can be typed as it stands.
SHOWN = [
    what
    for what, (words, said) in test_errors.WRONG.items()
    if words[:2] == ["table", TABLE] and any(text.startswith("repro ") for text in said)
]


@pytest.mark.parametrize("what", SHOWN)
def test_what_is_suggested_is_not_refused_again(what, tmp_path):
    words, _ = test_errors.WRONG[what]
    home = tiny.home(tmp_path / "home").root
    more = [] if "--profile" in words else ["--profile", "demo"]
    refused = CliRunner().invoke(main, [*words, *more, "--home", str(home)], prog_name="repro")
    step = re.search(r"^Next:  repro (.*)$", refused.stderr, re.MULTILINE)[1]
    assert str(home) in step
    if more and step.startswith("show"):
        assert "--profile demo" in step
    done = CliRunner().invoke(main, shlex.split(step), prog_name="repro")
    assert done.exit_code in (0, 1), done.stderr  # doctor may find something


def test_what_is_missing_is_suggested_for_the_home_that_was_asked(tmp_path):
    home = str(tmp_path / "home")
    done = CliRunner().invoke(main, ["plan", TABLE, "--home", home], prog_name="repro")
    assert f"repro data add speech_commands_v2_35 DIR --home {home}" in done.stdout


def test_every_verb_can_be_found_from_its_words():
    """So that no suggestion is left as it is for want of a verb."""

    def walk(group, words):
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert suggesting._verb(main, [*words, name, "x"]) == (command, ["x"])
            if isinstance(command, click.Group):
                walk(command, [*words, name])

    walk(main, [])
