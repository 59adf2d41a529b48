"""repro models: what there is, what it is made of, and the records that measure it."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from repro.commands._entry import main
from repro.commands.shared.measuring import in_short
from repro.measure import networks, timing
from repro.records.ledger import Ledger
from repro.render import grid
from repro.spec import catalogue, rivals
from repro.train import determinism
from tests import fake_ledger


def repro(*words: str) -> Result:
    return CliRunner().invoke(main, ["models", *words])


def network(system: str) -> networks.Network:
    return next(n for n in networks.networks() if n.systems[0] == system)


def test_the_list_has_a_line_for_every_network(tmp_path: Path) -> None:
    done = repro("--home", str(tmp_path))
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    for there in networks.networks():
        start = [", ".join(there.systems), there.dataset]
        (line,) = (ln for ln in lines if re.split(r" {2,}", ln.strip())[:2] == start)
        of = [catalogue.load(table) for table in there.tables]
        whose = [f"{entry.paper.short} " if there.rival else "" for entry in of]
        numbers = ", ".join(w + e.table.number for w, e in zip(whose, of, strict=True))
        assert f"  {numbers}  " in line
    assert any(re.match(r"  m3net +urbansound8k +400 x 64 +29,392 +18.8 M  ", ln) for ln in lines)
    assert any(ln.startswith("eat: ") and "appendix C" in ln for ln in lines)
    headed = [ln.split(":")[0] for ln in lines if ln.startswith("# ")]
    papers = [entry.paper.short for entry in catalogue.load_all()]
    files = {rival.file for rival in rivals.rivals().values()}
    assert headed == [f"# {name}" for name in dict.fromkeys(papers)] + (
        ["# Rival, quoted by papers"] * len(files)
    )
    for rival in rivals.rivals().values():
        assert any(rival.about.source in ln and rival.about.code in ln for ln in lines)


def test_the_list_as_json_is_what_is_committed(tmp_path: Path) -> None:
    rows = json.loads(repro("--format", "json", "--paper", "m3net", "--home", str(tmp_path)).stdout)
    found = {(row["systems"][0], row["parameters"], tuple(row["input"])) for row in rows}
    assert found >= {("m3net", 29_392, (400, 64)), ("m3net-1s", 31_017, (100, 64)),
                     ("phinets-m40", 28_978, (125, 40))}  # fmt: skip
    assert [row["systems"][0] for row in rows if row["paper"] == "m3net"] == ["m3net", "m3net-1s"]
    assert rows[0]["sections"]
    assert rows[0]["tables"] == {"m3net-urbansound8k": "1"}


def test_show_prints_every_layer_with_its_shape() -> None:
    done = repro("show", "eat-s")
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.stdout.splitlines()]
    (total,) = (line for line in lines if line[:1] == ["total"])
    assert total == ["total", "5,183,618", "2.52", "G"]
    (stem,) = (line for line in lines if line[:1] == ["stem"])
    assert stem == ["stem", "ConvNorm", "16", "x", "114,688", "144", "12.8", "M"]
    assert "from random weights" in done.stdout


def test_show_takes_a_model_and_another_dataset() -> None:
    done = repro("show", "ast_vit", "--dataset", "esc50", "--depth", "1", "--format", "json")
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    assert (shown["system"], shown["dataset"], shown["classes"]) == ("ast-ti", "esc50", 50)
    shapes = {layer["layer"]: layer["shape"] for layer in shown["layers"]}
    assert (shapes["vit.blocks"], shapes["head"]) == ([8 * 206 + 2, 192], [50])
    assert "DeiT tiny" in shown["starts_from"][0]
    # CLS, DIST and the position embedding belong to no layer.
    free = (1 + 1 + 8 * 206 + 2) * 192
    assert sum(layer["parameters"] for layer in shown["layers"]) == shown["parameters"] - free


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "eat-ss"], "unknown system or model 'eat-ss': did you mean 'eat-s'?"),
        (["show", "eat-s", "--dataset", "esc5"], "unknown dataset 'esc5': did you mean 'esc50'?"),
        (
            ["show", "eat-s", "--dataset", "speech_commands_v2_35"],
            "eat-s cannot be built for speech_commands_v2_35: ",
        ),
        (["measure", "asm-x"], "unknown system or model 'asm-x'"),
        (["measure", "m3net", "--device", "tpu"], "unknown device 'tpu'"),
        (["measure", "m3net", "--device", "cuda:99"], "cuda:99 is not here"),
        (["measure", "eat-s", "--assume", "hidden-z=1"], "unknown assumption 'hidden-z'"),
        (["measure", "eat-s", "--assume", "hidden-s=1"], "unknown value for --assume hidden-s"),
        (["measure", "m3net", "--assume", "epochs=200"], "epochs changes none of these networks"),
        (["--paper", "eats"], "eats"),
    ],
)
def test_mistakes_are_named(words: list[str], said: str) -> None:
    done = repro(*words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Next:" in done.stderr
    assert "Traceback" not in done.output


def measured(folder: Path, *words: str) -> Result:
    return repro("measure", "m3net-1s", *words, "--into", str(folder), "--format", "json")


def test_counts_are_recorded_once_and_checked_after(tmp_path: Path) -> None:
    first = measured(tmp_path, "--no-times")
    assert first.exit_code == 0, first.output
    (row,) = json.loads(first.stdout)
    assert (row["parameters"], row["recorded_before"]) == (31_017, False)
    (again,) = json.loads(measured(tmp_path, "--no-times").stdout)
    assert again == {**row, "recorded_before": True}
    path = Path(row["record"]) / "run.json"
    record = json.loads(path.read_text())
    assert record["run"] == network("m3net-1s").id
    record["measured"]["multiply_adds"] += 1
    fake_ledger.sealed(path.parent, record)
    other = measured(tmp_path, "--no-times")
    assert other.exit_code == 2
    assert "raise VERSION in models/m3net.py" in other.stderr


def test_another_reading_is_another_network(tmp_path: Path) -> None:
    """Counted under --assume, it fills the cells of tables under that reading, and no others."""
    words = ("measure", "eat-s", "--no-times", "--assume", "hidden-s=2048", "--format", "json")
    done = repro(*words, "--into", str(tmp_path / "runs"))
    assert done.exit_code == 0, done.output
    rows = {row["dataset"]: row["parameters"] for row in json.loads(done.stdout)}
    wider = 4 * (2 * 128 * 1536 + 1536)  # in four layers, two matrices and a bias
    assert rows["audioset_unbalanced"] == 5_258_463 + wider
    kept = Ledger([tmp_path / "runs"])
    for assume, ours in (({}, None), ({"hidden-s": "2048"}, (5_258_463 + wider) / 1e6)):
        plan = fake_ledger.planned(tmp_path, "eat-architecture", assume=assume)
        cells = grid.build(plan, kept, "repro", tmp_path).cells
        assert cells["EAT-S", "parameters"].ours == ours


def test_times_are_medians_of_several_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = []

    def start(job: dict[str, object]) -> dict[str, object]:
        jobs.append(job)
        execution = determinism.execution("cpu", 1)
        return {"median": float(len(jobs)), "load": 0.0, "execution": execution}

    monkeypatch.setattr(timing, "start", start)
    words = ("eat-s-16k", "--threads", "1", "--home", str(tmp_path), "--format", "json")
    done = repro("measure", *words)
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)
    assert row["latency"] == {"1s": [1.0, 2.0, 3.0, 4.0, 5.0]}
    assert {job["seconds"] for job in jobs} == {1.0}
    assert {job["classes"] for job in jobs} == {35}
    there = networks.results(network("eat-s-16k"), Ledger([tmp_path / "runs"]))
    (timed,) = (r for r in there if r.measured.latency)
    assert timed.described == determinism.execution("cpu", 1)
    assert timed.content()["measured"]["protocol"]["batch"] == 1
    assert repro("measure", *words).exit_code == 0
    assert len(jobs) == 5  # what is recorded is not measured again


def test_a_process_that_fails_makes_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "start", lambda _: {"error": "out of memory"})
    done = repro("measure", "eat-s-16k", "--into", str(tmp_path))
    assert done.exit_code == 5
    assert "FAILED: 1s on cpu: out of memory" in done.stdout
    there = networks.results(network("eat-s-16k"), Ledger([tmp_path]))
    assert [r.measured.latency for r in there] == [{}]


def test_a_measurement_can_be_shown_and_is_no_training(tmp_path: Path) -> None:
    repro("measure", "m3net-1s", "--no-times", "--into", str(tmp_path / "runs"))
    run = network("m3net-1s").id
    home = ("--home", str(tmp_path))
    shown = CliRunner().invoke(main, ["runs", "show", run, *home])
    assert "parameters 31017" in shown.stdout
    listed = CliRunner().invoke(main, ["runs", "list", *home])
    assert listed.exit_code == 0, listed.output
    assert run not in listed.stdout


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (999, "999"), (1000, "1.00 k"), (18_781_088, "18.8 M"), (428_031_026_944, "428 G")],
)
def test_large_counts_have_three_digits(count: int, text: str) -> None:
    assert in_short(count) == text


def test_list_is_what_models_alone_says() -> None:
    assert repro("list", "--paper", "gafx").stdout == repro("--paper", "gafx").stdout != ""


def test_a_model_of_the_users_is_listed_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPRO_EXTENSIONS", str(tmp_path / "extensions"))
    home = ["--home", str(tmp_path)]
    assert CliRunner().invoke(main, ["new", "model", "net", *home]).exit_code == 0
    before = repro(*home)
    assert f"# Yours, in {tmp_path / 'extensions' / 'models'}\nnet: convolutions" in before.stdout
    assert before.stderr == "some are not counted yet: repro models measure net --no-times\n"
    assert repro("measure", "net", "--no-times", *home).exit_code == 0
    after = json.loads(repro(*home, "--format", "json").stdout)[-1]
    # Its layers by hand: 5 taps of 64 mels to 16, a norm, 5 of 16 to 32, a head of 10 classes.
    count = 16 * (64 * 5 + 1) + 2 * 16 + 32 * (16 * 5 + 1) + 10 * (32 + 1)
    assert (after["yours"], after["systems"], after["parameters"]) == (True, ["net"], count)
    shown = json.loads(repro("show", "net", *home, "--format", "json").stdout)
    assert (shown["parameters"], shown["dataset"]) == (count, "urbansound8k")
    other = json.loads(
        repro("show", "net", "--table", "eat-esc50", *home, "--format", "json").stdout
    )
    assert (other["dataset"], other["classes"]) == ("esc50", 50)
    assert "# Yours" not in repro(*home, "--paper", "m3net").stdout
    # A file that cannot be read is named, and hides nothing else.
    (tmp_path / "extensions" / "models" / "net.toml").write_text("label = 3\n")
    damaged = repro(*home)
    assert damaged.exit_code == 0
    assert "not listed: " in damaged.stderr
    assert "net.toml" in damaged.stderr
    assert "m3net" in damaged.stdout
