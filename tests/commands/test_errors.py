"""Every bad input through the command line: one clear message, the next command, no traceback."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from repro import places
from repro.commands._entry import main
from repro.commands.shared import asking
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.spec import catalogue, index
from tests import fake_ledger, tiny

TABLE = "asmrh-speechcommands"
ON = ("m3net-urbansound8k", "--on", "urbansound8k")
DEMO = Request(profile="demo", audio="generated")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home of its own for every command."""
    monkeypatch.setenv("REPRO_HOME", str(tmp_path / "home"))
    for name in ("REPRO_DATA", "REPRO_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return tiny.home(tmp_path / "home")


def repro(*words):
    """Run `repro ...` in this process."""
    return CliRunner().invoke(main, list(words), prog_name="repro")


def assert_refused(done, *said, code=2):
    """Assert one message that says all of these, a next step, and nothing on standard output."""
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == code, done.output
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert sum(line.startswith("Error: ") for line in lines) == 1, done.stderr
    assert sum(line.startswith(("Next:  ", "Try '")) for line in lines) == 1, done.stderr
    for fragment in said:
        assert fragment in done.stderr


# The words after `repro`, and what the message must say.
WRONG = {
    "steps": (["table", TABLE, "--steps", "19890", "--dry-run"], ["--steps 19890 changes no run"]),
    "no steps": (["table", TABLE, "--steps", "0"], ["--steps", "x>=1"]),
    "verb": (["tabel", TABLE], ["'tabel'", "'table'", "repro --help"]),
    "option": (["table", TABLE, "--profil", "demo"], ["--profil", "--profile"]),
    "no table": (["table"], ["ID", "repro table --help"]),
    "table": (["table", "asmrh-spechcommands"], ["spechcommands", f"'{TABLE}'", "repro list"]),
    "table of show": (["show", "asmrh-specch"], ["asmrh-specch", f"'{TABLE}'", "repro list"]),
    "table of plan": (["plan", TABLE, "gafx-gene"], ["gafx-gene", "'gafx-genre'", "repro list"]),
    "paper": (["all", "--paper", "m3nett"], ["m3nett", "'m3net'", "repro list"]),
    "paper of list": (["list", "--paper", "asmr"], ["asmr", "'asmrh'", "repro list"]),
    "system": (["table", TABLE, "--only", "asm-rn"], ["asm-rn", "'asm-rh'", f"repro show {TABLE}"]),
    "seed": (["table", TABLE, "--seeds", "0,7"], ["seed 7", "0, 1, 2", f"repro show {TABLE}"]),
    "seeds in words": (
        ["table", TABLE, "--seeds", "one"], ["--seeds 'one'", "0,1,2", f"repro show {TABLE}"],
    ),
    "protocol of a printed table": (
        ["table", TABLE, "--protocol", "grouped"], ["--protocol goes", f"repro show {TABLE}"],
    ),
    "negative seed": (["table", TABLE, "--seeds", "-1"], ["--seeds '-1'"]),
    "no seed": (["table", TABLE, "--seeds", ""], ["--seeds ''"]),
    "a digit that is no number": (["table", TABLE, "--seeds", "²"], ["--seeds '²'"]),
    "device": (["table", TABLE, "--device", "cude:0"], ["'cude:0'", "cuda:0", "repro doctor"]),
    "device number": (["table", TABLE, "--device", "cuda:x"], ["'cuda:x'", "repro doctor"]),
    "gpu": (["table", TABLE, "--gpu", "first"], ["--gpu 'first'", "0,1"]),
    "the same gpu twice": (["table", TABLE, "--gpu", "0,0"], ["--gpu '0,0'"]),
    "gpus and a gap": (["table", TABLE, "--gpu", "0,"], ["--gpu '0,'", "nvidia-smi -L"]),
    "the same gpu by two ways to write it": (["table", TABLE, "--gpu", "1, 01"], ["'1, 01'"]),
    "a device of no promise": (["table", TABLE, "--device", "mps"], ["mps is refused", "cpu"]),
    "a gpu that is no number": (["table", TABLE, "--gpu", "²"], ["--gpu '²'"]),
    "siunitx of md": (["table", TABLE, "--siunitx", "--format", "md"], ["--siunitx", "latex"]),
    "bold of csv": (["table", TABLE, "--bold", "best", "--format", "csv"], ["--bold best"]),
    "a ladder of ours": (["table", TABLE, "--ladder", "hfft-axis", "--ours", "--render-only"],
                         ["--ladder", "--ours"]),
    "gpu and device": (["table", TABLE, "--gpu", "0", "--device", "cpu"], ["--gpu", "--device"]),
    "no threads": (["table", TABLE, "--threads", "0"], ["--threads", "0"]),
    "assumption": (
        ["table", TABLE, "--assume", "hftt-axis=time"],
        ["hftt-axis", "'hfft-axis'", f"repro show {TABLE}"],
    ),
    "reading": (
        ["table", TABLE, "--assume", "hfft-axis=tine"], ["'tine'", "'time'", f"repro show {TABLE}"],
    ),
    "assumption without value": (
        ["table", TABLE, "--assume", "hfft-axis"], ["KEY=VALUE", f"repro show {TABLE}"],
    ),
    "value of no kind": (
        ["table", TABLE, "--set", "recipe.epochs=x"], ["--set recipe.", f"repro show {TABLE}"],
    ),
    "two views": (["table", TABLE, "--printed", "--ours"], ["--printed and --ours exclude"]),
    "a fold that is none": (["plan", *ON, "--folds", "1,2,99"], ["no fold '99'", "--folds 1,2,3"]),
    "a fold with a zero": (["plan", *ON, "--folds", "01,2,10"], ["'01'", "Next:  --folds 1,2,10"]),
    "one fold": (["plan", *ON, "--folds", "4"], ["fold take 3", "Next:  --folds 1,2,4, or leave"]),
    "two folds": (["plan", *ON, "--folds", "1,2"], ["fold take 3", "Next:  --folds 1,2,3"]),
    "a fold twice": (["plan", *ON, "--folds", "1,1"], ["fold 1 is named twice"]),
    "a fold twice among enough": (
        ["plan", *ON, "--folds", "7,1,7,2,3"], ["fold 7 is named twice", "--folds 1,2,3,7, or"],
    ),
    "more folds than there are": (
        ["plan", *ON, "--folds", "1,2,3,4,5,6,7,8,9,10,11"], ["no fold '11'", "leave --folds out"],
    ),
    "a ladder and components": (
        ["compare", *ON, "--components", "--ladder", "protocol"], ["--components and --ladder"],
    ),
    "a ladder that fails on a word": (
        ["compare", *ON, "--ladder", "protocol", "--fail-on", "DIFFERENT"], ["leave --fail-on out"],
    ),
    "a ladder under one protocol": (
        ["compare", *ON, "--ladder", "protocol", "--protocol", "grouped"], ["leave --protocol out"],
    ),
    "a table's ladder under one protocol": (
        ["table", *ON, "--ladder", "protocol", "--protocol", "grouped"], ["leave --protocol out"],
    ),
    "a drawn ladder under one protocol": (
        ["figure", *ON, "--kind", "ladder", "--protocol", "random", "-o", "f.svg"],
        ["--kind ladder shows every choice", "leave --protocol out"],
    ),
    "components of one protocol": (
        ["compare", *ON, "--components", "--protocol", "random"], ["leave --protocol out"],
    ),
    "components of one reading": (
        ["compare", ON[0], "--components", "--assume", "split=official"], ["--assume split out"],
    ),
    "a ladder of one reading": (
        ["compare", TABLE, "--ladder", "hfft-axis", "--assume", "hfft-axis=time"],
        ["--ladder shows every choice", "leave --assume hfft-axis out"],
    ),
    "execution": (
        ["table", TABLE, "--execution", "zzz"], ["--execution 'zzz'", "repro runs list"],
    ),
    "execution cut short": (["plan", TABLE, "--execution", "b27b1"], ["--execution 'b27b1'"]),
    "execution in capitals": (["show", TABLE, "--execution", "B27B16"], ["--execution 'B27B16'"]),
    "no execution": (["status", TABLE, "--execution", ""], ["--execution ''"]),
    "profile": (["table", TABLE, "--profile", "dem"], ["'dem'", "'demo'"]),
    "audio": (["table", TABLE, "--data", "remote"], ["'remote'", "'local'"]),
    "full on generated audio": (
        ["table", TABLE, "--profile", "full", "--data", "generated"],
        ["refused", "generated", "--profile demo"],
    ),
    "part of generated audio": (
        ["table", TABLE, "--profile", "demo", "--subset"], ["--subset", "--data local"],
    ),
    "folds of generated audio": (
        ["table", TABLE, "--profile", "demo", "--folds", "1,2"],
        ["Error: --folds means part", "--data local"],
    ),
    "folds and a gap": (["plan", TABLE, "--folds", "1,,2"], ["--folds '1,,2'", "1,2,10"]),
    "systems and a gap": (
        ["plan", TABLE, "--on", "esc50", "--systems", "asm,"], ["--systems 'asm,'", "asm,asm-rh"],
    ),
    "format": (["table", TABLE, "--format", "pdf"], ["'pdf'", "'latex'"]),
    "table of a report": (
        ["report", "asmrh-spech", "-o", "r.html"], ["'asmrh-spech'", f"'{TABLE}'", "repro list"],
    ),
    "report without a file": (["report", TABLE], ["-o", "repro report --help"]),
    "kind of figure": (
        ["figure", TABLE, "--kind", "forrest", "-o", "f.svg"], ["'forrest'", "'forest'"],
    ),
    "ending of a figure": (
        ["figure", TABLE, "--kind", "forest", "-o", "f.jpg"], ["f.jpg", ".svg, .pdf or .png"],
    ),
    "figure of nothing": (
        ["figure", TABLE, "--kind", "curves", "-o", "f.svg"],
        ["curves", "no runs", f"repro table {TABLE} ", "--dry-run\n"],
    ),
    "figure without an ending": (
        ["figure", TABLE, "--kind", "forest", "-o", "-"], ["--format svg"],
    ),
    "run": (["runs", "show", "ffffff"], ["'ffffff'", "repro runs list"]),
    "run by a pattern": (["runs", "show", "/"], ["'/'", "repro runs list"]),
    "work is no run": (["runs", "path", "."], ["'.'", "repro runs list"]),
    "dataset": (
        ["data", "add", "speech_commands", "."],
        ["'speech_commands'", "'speech_commands_v2_35'", "repro data list"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_word_is_named_with_the_nearest_and_the_next_command(what, home):
    words, said = WRONG[what]
    assert_refused(repro(*words), *said)
    assert not home.root.exists()  # and nothing was written


@pytest.mark.parametrize("option", [
    "--folds", "--seeds", "--only", "--assume", "--set", "--on", "--systems", "--with",
    "--execution", "--gpu", "--device",
])  # fmt: skip
@pytest.mark.parametrize("value", ["", " "])
def test_an_option_is_not_empty_as_of_an_unset_variable(option, value):
    done = repro("plan", TABLE, option, value)
    assert_refused(done, f"{option} {value!r} is empty, as an unset variable", "or leave it out")


@pytest.mark.parametrize(("words", "name"), [
    (["data", "add", "esc50", ""], "DIR"), (["data", "trim", "urbansound8k", "", "new"], "DIR"),
    (["data", "trim", "urbansound8k", "old", ""], "NEW"), (["runs", "export", ""], "FILE"),
    (["runs", "import", ""], "FILE"), (["weights", "add", "DeiT", ""], "FILE"),
    (["predict", "b27b16", "a.wav", ""], "FILES"), (["table", TABLE, "-o", ""], "--output"),
    (["appendix", TABLE, "-o", ""], "--output"), (["data", "list", "--home", ""], "--home"),
    (["show", TABLE, "--extensions", ""], "--extensions"),
    (["table", TABLE, "--stage", " "], "--stage"),
])  # fmt: skip
def test_a_path_is_not_empty(words, name, tmp_path, monkeypatch):
    """The empty path is the current folder, which nobody named."""
    monkeypatch.chdir(tmp_path)
    assert_refused(repro(*words), f"{name} '", "is empty, as an unset variable of the shell is")
    assert not any(tmp_path.iterdir())


def test_every_path_that_can_be_typed_is_of_the_type_that_is_not_empty():
    def paths(command, words):
        for name in command.list_commands(None) if isinstance(command, click.Group) else ():
            yield from paths(command.get_command(None, name), [*words, name])
        yield from (([*words, p.name], p.type) for p in command.params
                    if isinstance(p.type, click.Path))  # fmt: skip

    found = list(paths(main, []))
    assert len(found) > 20
    assert [words for words, kind in found if not isinstance(kind, asking.NamedPath)] == []


def test_data_that_is_not_there_is_exit_code_4_with_the_next_command(home):
    done = repro("table", TABLE, "--only", "asm-rh")
    assert done.exit_code == 4
    assert "repro data add speech_commands_v2_35 DIR" in done.stderr
    assert "NOT RUN" in done.stdout
    assert not home.root.exists()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: None, "does not exist"),
        (lambda folder: folder.write_text(""), "is not a folder"),
        (lambda folder: (folder / "cats").mkdir(parents=True), "no clip of speech_commands_v2_35"),
    ],
    ids=["missing", "a file", "foreign"],
)
def test_a_data_folder_that_cannot_be_it_is_refused(make, said, tmp_path):
    folder = tmp_path / "folder"
    make(folder)
    done = repro("data", "add", "speech_commands_v2_35", str(folder))
    assert_refused(done, str(folder), said, "repro data add speech_commands_v2_35")


def test_a_data_folder_that_has_gone_is_named(tmp_path, home):
    folder = tmp_path / "audio"
    (folder / "yes").mkdir(parents=True)
    clip = "0a7c2a8d_nohash_0.wav"
    (folder / "yes" / clip).write_bytes(b"")
    added = repro("data", "add", "speech_commands_v2_35", str(folder))
    assert added.exit_code == 0, added.stderr
    refused = repro("table", TABLE, "--profile", "demo", "--data", "local", "--only", "asm-rh")
    assert refused.exit_code == 4
    assert "1 of 105,829 clips" in refused.stderr
    assert "--subset" in refused.stderr
    shutil.rmtree(folder)
    gone = subprocess.run(
        tiny.command(places.shipped("tables"), "table", TABLE, "--data", "local"),
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert gone.returncode == 4
    assert "1 registration of audio cannot be used, and nothing else is stopped:" in gone.stderr
    assert f"{folder} (registered in " in gone.stderr
    assert "does not exist any more: repro data add speech_commands_v2_35 DIR" in gone.stderr
    assert "Traceback" not in gone.stderr


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """Tables of which one is no TOML, another has a key that does not exist."""
    root = tmp_path / "tables"
    shutil.copytree(places.shipped("tables"), root)
    (root / "gafx" / "genre.toml").write_text('number = "I\n')
    path = root / "m3net" / "speechcommands.toml"
    path.write_text(path.read_text().replace("caption =", "captoin =", 1))
    monkeypatch.setattr(index, "shipped", lambda folder: root)
    return root


@pytest.mark.parametrize("verb", ["show", "table", "plan"])
def test_a_broken_table_file_is_named(verb, broken):
    assert_refused(repro(verb, "gafx-genre"), str(broken / "gafx" / "genre.toml"), "not valid TOML")
    assert_refused(
        repro(verb, "m3net-speechcommands"),
        str(broken / "m3net" / "speechcommands.toml"), "captoin", "did you mean 'caption'",
    )  # fmt: skip


def test_a_broken_table_does_not_take_the_others_with_it(broken):
    assert repro("show", TABLE).exit_code == 0


def test_list_names_a_broken_file(broken):
    assert_refused(repro("list"), str(broken / "gafx" / "genre.toml"))


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (lambda folder: folder, "is a folder"),
        (lambda folder: folder / "file" / "table.md", "is not a folder"),
        (lambda folder: Path("/proc/table.md"), "/proc/table.md"),
    ],
    ids=["a folder", "under a file", "where nothing can be made"],
)
def test_an_output_that_cannot_be_written_is_refused(output, said, tmp_path):
    (tmp_path / "file").write_text("")
    done = repro("table", TABLE, "--render-only", "-o", str(output(tmp_path)))
    assert_refused(done, "-o", said)


@pytest.mark.parametrize("words", [
    ["show"], ["plan"], ["status"], ["compare"], ["compare", "--components"], ["cells"],
    ["table", "--render-only"], ["report", "-o", "x.html"], ["appendix", "-o", "x"],
    ["figure", "--kind", "forest", "-o", "x.svg"], ["explain", "/M3Net/accuracy"],
    ["train", "00", "--table"],
], ids=" ".join)  # fmt: skip
def test_every_verb_refuses_a_reading_alike(words, tmp_path, monkeypatch):
    """One that no table knows, and one that changes no run: --on splits in a way of its own."""
    monkeypatch.chdir(tmp_path)
    table = "m3net-urbansound8k"
    asked = [words[0], table + words[1]] if words[0] == "explain" else [*words, table]
    unknown = repro(*asked, "--assume", "splitt=official")
    assert_refused(unknown, "unknown assumption", "'splitt'", "did you mean 'split'?")
    for words in (("--assume", "phinets/epochs=30"), ("--only", "phinets-m40")):
        refused = repro("plan", "m3net-urbansound8k", *words)
        assert_refused(refused, "add --with-rivals", "repro show m3net-urbansound8k --with-rivals")
    silent = repro(*asked, "--on", "esc10", "--assume", "split=official")
    assert_refused(silent, "--assume split=official changes no run of m3net-urbansound8k")
    assert not any(tmp_path.glob("x*"))


def test_of_several_tables_those_that_know_a_reading_are_asked(tmp_path):
    shown = repro("show", "all", "--assume", "hfft-axis=time", "--only", "asm-h")
    assert shown.stdout.count("printed in") == 1
    assert_refused(repro("cells", "all", "--assume", "hfft-axes=time"), "did you mean 'hfft-axis'")
    assert_refused(repro("figure", "asmrh", "--kind", "forest", "-o", "-"), "need a folder")
    folder = tmp_path / "figures"
    assert repro("figure", "gafx", "--kind", "forest", "-o", str(folder)).exit_code == 0
    assert "gafx-genre-forest.svg" in {file.name for file in folder.iterdir()}


def test_all_wants_a_folder_for_its_tables(tmp_path):
    (tmp_path / "file").write_text("")
    done = repro("all", "--paper", "asmrh", "--dry-run", "-o", str(tmp_path / "file"))
    assert_refused(done, "is a file", "folder")


def test_an_output_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    target = tmp_path / "table.md"
    target.write_text("the old one")

    def full(handle):
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(os, "fsync", full)
    done = repro("table", TABLE, "--render-only", "-o", str(target))
    assert_refused(done, "No space left on device", str(target))
    assert target.read_text() == "the old one"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["table.md"]


def test_exit_codes_of_a_rendered_table(home):
    """0 all there, 3 not all trained, 4 weights or data missing."""
    plan = plan_table(catalogue.load(TABLE), DEMO, home)
    words = ["table", TABLE, "--profile", "demo", "--render-only"]
    assert repro(*words).exit_code == 4  # ASM-I needs weights
    assert repro(*words, "--only", "asm-rh").exit_code == 3
    values = {"accuracy": 0.5, "auc": 0.9}
    for run in plan.runs:
        if run.system == "asm-rh":
            fake_ledger.write(home.runs, run, {"valid": values, "test": values})
    assert repro(*words, "--only", "asm-rh").exit_code == 0
    assert repro(*words, "--only", "asm-rh", "--seeds", "0,2").exit_code == 0
    assert repro(*words, "--only", "asm-rh", "--execution", "ffffff").exit_code == 3
    assert repro(*words).exit_code == 4


def test_more_than_an_hour_needs_a_yes_where_nobody_can_be_asked(monkeypatch):
    from repro.commands.shared import making

    monkeypatch.setattr(making, "ASK_ABOVE", 0.0)
    done = repro("table", TABLE, "--profile", "demo", "--only", "asm-rh")
    assert done.exit_code == 2
    assert "--yes" in done.stderr
    assert "Error: this would train for about" in done.stderr


def test_a_reader_that_leaves_is_no_error():
    command = f"{sys.executable} -P -c 'from repro.commands._entry import main; main()' "
    for words in ("list --format json", f"show {TABLE}"):
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", f"{command} {words} | head -c 1"],
            capture_output=True, text=True, cwd="/",
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), words
