"""What is asked of Slurm for a run, in which arrays, and what its queue says; without a Slurm."""

import dataclasses
import json
import pickle
import re
import shutil
import sys
import types
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.engines import slurm, slurm_nodes, slurm_queue
from repro.engines.slurm import Asked
from repro.engines.slurm_queue import Batch, Queued
from repro.errors import UserError
from repro.plan import cost
from repro.records.ledger import Ledger
from tests import fake_ledger, tiny


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return tiny.run(tiny.tables(tmp_path_factory.mktemp("small")))


@pytest.fixture
def home(tmp_path):
    return tiny.home(tmp_path / "home")


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Put a program on the PATH, which holds little else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    for name in ("cat", "cp", "sh"):
        (folder / name).symlink_to(shutil.which(name, path="/usr/bin:/bin"))

    def program(name, script):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return program


def named(run, *names, parents=()):
    return [dataclasses.replace(run, id=name, parents=tuple(parents)) for name in names]


def empty(home):
    return Ledger([home.runs])


def options(script):
    """Return the options of an sbatch script."""
    return dict(re.findall(r"^#SBATCH --([\w-]+)(?:=(.*))?$", script, re.MULTILINE))


@given(st.lists(st.sets(st.integers(0, 9)), max_size=10), st.randoms())
def test_no_run_comes_before_those_that_it_starts_from(plain, drawn, random):
    ids = [f"run-{number}" for number in range(len(drawn))]
    runs = [
        named(plain, ids[n], parents=[ids[p] for p in sorted(of) if p < n] + ["done-already"])[0]
        for n, of in enumerate(drawn)
    ]
    random.shuffle(runs)
    waves = slurm.waves(runs)
    assert sorted(run.id for wave in waves for run in wave) == sorted(ids)
    wave_of = {run.id: number for number, wave in enumerate(waves) for run in wave}
    for run in runs:
        above = [wave_of[parent] for parent in run.parents if parent in wave_of]
        assert wave_of[run.id] == max(above, default=-1) + 1


def test_runs_that_start_from_each_other_are_refused(plain):
    runs = named(plain, "a", parents=["b"]) + named(plain, "b", parents=["a"])
    with pytest.raises(ValueError, match="a, b"):
        slurm.waves(runs)


def test_a_run_asks_for_twice_its_time_and_its_waveforms(plain, home):
    """70 clips x 3 epochs at 20 s a clip are 70 min; twice that and 10 is 150."""
    fake_ledger.write(home.runs, plain, {}, seconds=20.0 * 210, train=70)
    (found,) = slurm.resources([plain], empty(home), "cpu", 3).values()
    assert found == slurm.Resources(gpus=0, cpus=3, memory_gb=9, minutes=150)
    # 1,000,000 clips of 64 frames are 20 GB as int16, half as much again for the other parts.
    recipe = plain.resolved["recipe"]
    large = dataclasses.replace(plain, clip_epochs=1_000_000 * recipe["epochs"])
    (found,) = slurm.resources([large], empty(home), "cuda:0", 2).values()
    assert (found.gpus, found.memory_gb) == (1, 32)
    fewer = dataclasses.replace(plain, clip_epochs=400_000 * recipe["epochs"])
    (found,) = slurm.resources([fewer], empty(home), "cuda:0", 2).values()
    assert found.memory_gb == 8 + 13  # 400,000 x 64 x 160 x 2 bytes x 1.5 = 12.3 GB


def test_a_run_of_unknown_or_long_duration_asks_for_a_day(plain, home, monkeypatch):
    unknown = dataclasses.replace(plain, gflop=None)
    (found,) = slurm.resources([unknown], empty(home), "cuda:0", 2).values()
    assert found.minutes == 24 * 60
    monkeypatch.setattr(cost, "expected", lambda runs, *_: {r.id: (1e6, "counted") for r in runs})
    (found,) = slurm.resources([plain], empty(home), "cuda:0", 2).values()
    assert found.minutes == 24 * 60


def test_arrays_hold_what_is_alike_the_longest_first_in_chunks(plain, home, monkeypatch):
    hours = {"a": 1.0, "b": 1.0, "c": 1.0, "long": 5.0, "child": 9.0}
    monkeypatch.setattr(
        cost, "expected", lambda runs, *_: {r.id: (3600 * hours[r.id], "") for r in runs}
    )
    runs = named(plain, "child", parents=["long", "elsewhere"])
    runs += named(plain, "a", "b", "long", "c")
    made = list(slurm.scripts(runs, Asked("cuda:0", 2, chunk=2), empty(home), home))
    assert [[run.id for run in group] for group, _ in made] == [
        ["long"], ["a", "b"], ["c"], ["child"]
    ]  # fmt: skip
    found = [options(script) for _, script in made]
    assert [o.get("array") for o in found] == [None, "0-1%2", None, None]
    assert [o["time"] for o in found] == ["610", "130", "130", "1090"]
    assert [o.get("dependency") for o in found] == [None] * 3 + ["afterok:JOB-OF-long"]
    assert all(o["gpus-per-node"] == "1" and o["cpus-per-task"] == "2" for o in found)
    assert all("requeue" in o and o["kill-on-invalid-dep"] == "yes" for o in found)
    assert all(o["signal"] == "USR2@120" for o in found)


def test_the_users_options_win_and_those_unknown_to_submitit_are_handed_on(plain, home):
    given = {"partition": "gpu", "time": "3", "mem": "2GB", "cpus-per-task": "5"}
    flags = {"exclusive": True, "oversubscribe": True}
    asked = Asked("cpu", 2, options={**given, **flags, "licenses": "x:1"})
    ((_, script),) = slurm.scripts([plain], asked, empty(home), home)
    found = options(script)
    wanted = {**given, **dict.fromkeys(flags, ""), "licenses": "x:1"}
    assert {key: found[key] for key in wanted} == wanted
    assert found["signal"] == "USR2@90"  # half of three minutes: sooner than the usual notice
    assert "gpus-per-node" not in found
    assert "export SRUN_CPUS_PER_TASK=5" in script
    assert "export HF_HUB_OFFLINE=1" in script


def test_without_submitit_the_next_step_is_named(plain, home, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(UserError, match="not installed") as caught:
        slurm.submit([plain], "t", Asked("cpu", 2), empty(home), home)
    assert "[slurm]" in caught.value.next_step
    assert slurm_queue.batches(home) == []


SBATCH = """
cat {home}/runs/.slurm/*.json > {home}/before.json
echo "Submitted batch job 77"
"""


def test_what_an_array_holds_is_written_before_it_is_submitted(plain, home, program):
    program("srun", "")
    program("sbatch", SBATCH.format(home=home.root))
    runs = named(plain, "a", "b")
    (batch,), queue = slurm.submit(runs, "t", Asked("cpu", 2), empty(home), home)
    assert queue == {}
    before = json.loads((home.root / "before.json").read_text())
    assert [run["run"] for run in before["runs"]] == ["a", "b"]
    assert (before["id"], before["job"], batch.job) == (batch.id, None, "77")
    assert slurm_queue.batches(home) == [batch]
    assert [batch.task(n) for n in (0, 1)] == ["77_0", "77_1"]
    with (home.runs / ".slurm" / "jobs" / "77_1_submitted.pkl").open("rb") as stream:
        assert pickle.load(stream).function.job["run"] == "b"


def test_a_run_in_the_queue_is_not_submitted_again_and_its_children_wait_for_it(
    plain, home, program
):
    program("srun", "")
    program("sbatch", 'echo "Submitted batch job 77"')
    (first,), _ = slurm.submit(named(plain, "a", "b"), "t", Asked("cpu", 2), empty(home), home)
    program("squeue", f"echo '77_1|RUNNING|None|{first.id}'")
    program("sbatch", f'cp "$1" {home.root}/script; echo "Submitted batch job 78"')
    runs = [*named(plain, "b"), *named(plain, "child", parents=["a", "b"])]
    (second,), queue = slurm.submit(runs, "t", Asked("cpu", 2), empty(home), home)
    assert queue == {"b": Queued("77_1", "RUNNING", "None")}
    assert [run["run"] for run in second.runs] == ["child"]
    assert second.task(0) == "78"
    # Only b is under way: a has ended, and with a result, or the child would not be here.
    assert options((home.root / "script").read_text())["dependency"] == "afterok:77_1"


def test_children_wait_for_the_task_of_their_parent_alone(plain, home, program):
    program("srun", "")
    program("sbatch", f'cp "$1" {home.root}/script; echo "Submitted batch job 77"')
    runs = [*named(plain, "child", parents=["b"]), *named(plain, "a", "b")]
    batches, _ = slurm.submit(runs, "t", Asked("cpu", 2), empty(home), home)
    assert [len(batch.runs) for batch in batches] == [2, 1]
    assert options((home.root / "script").read_text())["dependency"] == "afterok:77_1"


def test_what_sbatch_refuses_is_told_and_forgotten(plain, home, program):
    program("srun", "")
    program("sbatch", 'echo "sbatch: error: invalid account" >&2; exit 1')
    with pytest.raises(UserError, match="invalid account"):
        slurm.submit([plain], "t", Asked("cpu", 2), empty(home), home)
    assert slurm_queue.batches(home) == []


def written(home, job="5", runs=("a", "b", "c")):
    batch = Batch(f"id-{job}", "t", [{"run": r, "system": "s", "seed": 0} for r in runs], {}, job)
    slurm_queue.write(slurm_queue.folder(home) / f"{batch.id}.json", batch)
    return batch


def test_the_queue_is_read_by_batch_and_task(home, program):
    assert slurm_queue.queued(home) == {}  # nothing was submitted: Slurm is not even asked
    written(home)
    written(home, "6", ("d",))
    program(
        "squeue",
        "cat <<END\n5_2|PENDING|Priority|id-5\n6|RUNNING|None|for my|project id-6\n"
        "5_0|RUNNING||else\n7|RUNNING|None|\n\nEND",
    )
    assert slurm_queue.queued(home) == {
        "c": Queued("5_2", "PENDING", "Priority"),
        "d": Queued("6", "RUNNING", "None"),
    }


RUN = {"run": "a", "system": "s", "seed": 0}


@pytest.mark.parametrize("text", [
    "", "{", "[]", "null", "7",
    *(json.dumps({"id": "i", "table": "t", "runs": [RUN], "resources": {}, "job": "5"} | change)
      for change in ({"id": 1}, {"runs": 3}, {"runs": [{"run": "a"}]}, {"job": 5},
                     {"resources": {"minutes": "x"}}, {"runs": [RUN | {"seed": "0"}]})),
])  # fmt: skip
def test_a_damaged_note_of_a_submission_is_left_out_and_named(text, home, program, caplog):
    written(home)
    (slurm_queue.folder(home) / "odd.json").write_text(text)
    program("squeue", "cat <<END\n5_2|PENDING|Priority|id-5\n5_7|PENDING||id-5\n5_x|R||id-5\nEND")
    assert list(slurm_queue.queued(home)) == ["c"]  # of three tasks there is no seventh
    assert "odd.json" in caplog.text


def test_a_queue_that_cannot_be_asked_is_not_an_empty_one(home, program):
    written(home)
    assert slurm_queue.queued(home) is None  # no squeue here
    program("squeue", "exit 1")
    assert slurm_queue.queued(home) is None


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("a\n\nRuntimeError: no disk\nsrun: error: vm: task 0: Exited with exit code 1\n",
         "RuntimeError: no disk"),
        ("slurmstepd: error: JOB 5 CANCELLED DUE TO JOB REQUEUE\nsrun: error: task 0: Killed\n",
         "srun: error: task 0: Killed"),
        ("first\nlast\n", "last"),
        ("", "it wrote no error"),
    ],
)  # fmt: skip
def test_the_reason_of_an_end_is_found_in_the_log(log, said, home):
    path = slurm_queue.log(home, "5_1")
    path.parent.mkdir(parents=True)
    path.write_text(log)
    assert slurm_queue.last_words(home, "5_1") == said


@pytest.fixture
def trained(monkeypatch):
    """Play the trainer: `told` are its calls, `ends` what it answers."""
    told, ends = [], {}
    determinism = types.ModuleType("determinism")
    determinism.check_device = lambda device: f"no {device}" if device == "cuda:0" else None
    determinism.set_up = lambda threads: told.append(threads)
    runner = types.ModuleType("runner")
    runner.execute = lambda job, *_: told.append(job["run"]) or ends[job["run"]]
    import repro.train

    for name, module in (("determinism", determinism), ("runner", runner)):
        monkeypatch.setitem(sys.modules, f"repro.train.{name}", module)
        monkeypatch.setattr(repro.train, name, module, raising=False)
    return told, ends


def test_a_task_ends_well_only_with_a_result(home, trained):
    """So that what depends on it starts only if there is something to start from."""
    told, ends = trained
    ends |= {"good": ("complete", ""), "nan": ("diverged", ""), "bad": ("failed", "no clips")}
    ends |= {"busy": ("busy", "trained by process 1 on host")}
    assert slurm.Task({"run": "good"}, "cpu", 3, home)() == "complete"
    assert slurm.Task({"run": "nan"}, "cpu", 3, home)() == "diverged"
    assert told == [3, "good", 3, "nan"]
    for run, cause in (("bad", "no clips"), ("busy", "trained by process 1")):
        with pytest.raises(RuntimeError, match=cause):
            slurm.Task({"run": run}, "cpu", 3, home)()
    with pytest.raises(RuntimeError, match="no cuda:0"):
        slurm.Task({"run": "good"}, "cuda:0", 3, home)()
    assert Counter(told)["good"] == 1


@pytest.fixture
def node(monkeypatch, tmp_path):
    """A compute node n7 on which n3 is left out already; `said` is what scontrol was told."""
    said = tmp_path / "said"
    program = tmp_path / "bin" / "scontrol"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$*" >> {said}\necho "JobId=42 ExcNodeList=n3 NodeList=n7"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    monkeypatch.setenv("SLURMD_NODENAME", "n7")
    return said


def test_a_node_that_fails_at_once_is_left_out(home, trained, node, monkeypatch):
    asked = "show job -o 42\nrequeue 42\nupdate JobId=42 ExcNodeList=n3,n7\n"
    with pytest.raises(RuntimeError, match="no cuda:0; queued again without n7"):
        slurm.Task({"run": "good"}, "cuda:0", 3, home)()
    assert node.read_text() == asked
    trained[1]["good"] = ("device", "cuda:1: CUDA error")
    with pytest.raises(RuntimeError, match="CUDA error; queued again without n7"):
        slurm.Task({"run": "good"}, "cuda:1", 3, home)()
    assert node.read_text() == 2 * asked
    monkeypatch.setenv("SLURM_RESTART_COUNT", str(slurm_nodes.TIMES))
    with pytest.raises(RuntimeError, match="not once more"):
        slurm.Task({"run": "good"}, "cuda:0", 3, home)()
    assert node.read_text() == 2 * asked


def test_a_task_that_is_stopped_is_queued_again_as_it_was(home):
    task = slurm.Task({"run": "a"}, "cpu", 2, home)
    again = task.checkpoint()
    assert again.function == task
    assert (again.args, again.kwargs) == ((), {})


@pytest.fixture
def nodes(monkeypatch, tmp_path):
    """Have sinfo tell of nodes by lines of cards and features; `asked` is what it was asked."""
    asked = tmp_path / "asked"

    def tell(*lines):
        program = tmp_path / "bin" / "sinfo"
        program.parent.mkdir(exist_ok=True)
        told = "\n".join(lines)
        program.write_text(f"#!/bin/sh\necho \"$*\" >> {asked}\ncat << 'E'\n{told}\nE\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=":")
        return asked

    return tell


def test_a_partition_of_different_cards_gets_a_hint(nodes):
    asked = nodes("gpu:a100:4(S:0-1)|intel,ampere", "gpu:v100:2|intel,volta", "(null)|intel")
    hint = slurm_nodes.mixed({"partition": "gpu"})
    assert "different cards (a100, v100)" in hint
    assert "--slurm-option constraint=ampere takes one kind" in hint
    assert asked.read_text() == "-h -o %G|%f -p gpu\n"
    nodes("gpu:a100:4|(null)", "gpu:v100:2|(null)")
    assert "--slurm-option gres=gpu:a100:1 takes" in slurm_nodes.mixed({})


def test_no_hint_where_cards_are_alike_or_chosen(nodes, monkeypatch):
    nodes("gpu:a100:4|a", "gpu:a100:8|b", "gpu:2|c")
    assert slurm_nodes.mixed({}) == ""
    nodes("gpu:a100:4|a", "gpu:v100:8|b")
    assert slurm_nodes.mixed({}) != ""
    for name in ("constraint", "gres", "nodelist"):
        assert slurm_nodes.mixed({name: "x"}) == ""
    monkeypatch.setenv("PATH", "/nowhere")
    assert slurm_nodes.mixed({}) == ""
