"""`repro plan --format json|sh|slurm`, `repro train`, and what --slurm refuses."""

import dataclasses
import json
import re
import shlex
import subprocess
import sys

import pytest
from click.testing import CliRunner

from repro.commands._entry import main
from repro.commands.plan import scripts
from repro.plan.answers import answers
from repro.plan.planning import plan_table
from repro.plan.remaining import remaining
from repro.plan.request import Request
from repro.records.ledger import Ledger
from repro.spec import catalogue
from tests import fake_ledger, tiny

TABLE = "asmrh-speechcommands"
DEMO = ["--profile", "demo"]


@pytest.fixture
def home(tmp_path):
    return tiny.home(tmp_path / "home")


@pytest.fixture
def repro(home, monkeypatch):
    for name in ("REPRO_DATA", "REPRO_CACHE"):
        monkeypatch.delenv(name, raising=False)

    def repro(*words, code=0):
        done = CliRunner().invoke(main, [*words, "--home", str(home.root)])
        assert done.exit_code == code, done.output
        return done

    return repro


@pytest.fixture
def planned(home):
    return plan_table(catalogue.load(TABLE), Request(profile="demo", audio="generated"), home)


def jobs(plan, home, *runs, devices=("cpu",)):
    return scripts.jobs([plan], runs, devices, 2, Ledger([home.runs]), home)


def commands(script):
    return [line for line in typed(script).splitlines() if line.startswith("repro ")]


def typed(script):
    """Write `repro` for the interpreter and the file by which a script names this program."""
    return script.replace(shlex.join(scripts.program()), "repro")


def test_sh_has_a_line_for_each_run_that_can_be_trained(repro, planned, home):
    ready, blocked = remaining(planned, answers(planned, Ledger([home.runs])))
    assert blocked  # ASM-I needs weights
    script = repro("plan", TABLE, *DEMO, "--only", "asm-rh", "--format", "sh").stdout
    lines = [shlex.split(line) for line in commands(script)]
    assert [words[2] for words in lines] == [r.id for r in ready if r.system == "asm-rh"]
    for words in lines:
        assert words[:2] == ["repro", "train"]
        assert words[3:5] == ["--table", TABLE]
        assert words[-2:] == ["--home", str(home.root)]
        assert "--only" not in words
    assert subprocess.run(["sh", "-n"], input=script, text=True).returncode == 0


def test_a_run_that_is_done_is_in_no_script(repro, planned, home):
    run = next(run for run in planned.runs if run.system == "asm-rh")
    fake_ledger.write(home.runs, run, {"valid": {"accuracy": 0.5}, "test": {"accuracy": 0.5}})
    assert run.id not in repro("plan", TABLE, *DEMO, "--format", "sh").stdout
    done = repro("train", run.id[:9], "--table", TABLE, *DEMO, "--format", "json")
    assert "recorded already" in done.stderr
    (told,) = json.loads(done.stdout)
    assert (told["run"], told["status"], told["trained_now"]) == (run.id, "complete", False)


def test_a_result_of_another_execution_is_none_where_one_is_named(
    repro, planned, home, monkeypatch
):
    from repro.commands import train

    run = next(run for run in planned.runs if run.system == "asm-rh")
    fake_ledger.write(home.runs, run, {"valid": {"accuracy": 0.5}, "test": {"accuracy": 0.5}})
    named = ["--execution", "abcdef"]
    script = repro("plan", TABLE, *DEMO, *named, "--format", "sh").stdout
    (line,) = [shlex.split(line) for line in commands(script) if run.id in line]
    asked = []
    monkeypatch.setattr(train.making, "train", lambda runs, *_: asked.extend(runs))
    repro(*line[1 : line.index("--home")], code=3)  # nothing was trained here
    assert [one.id for one in asked] == [run.id]


def test_json_says_what_each_run_takes_and_how_it_is_trained(repro, planned, home):
    made = json.loads(repro("plan", TABLE, *DEMO, "--device", "cuda:1", "--format", "json").stdout)
    assert [job["run"] for job in made["jobs"]] == made["tables"][0]["to_train"]
    for job in made["jobs"]:
        assert (job["gpus"], job["cpus"], job["parents"]) == (1, 2, [])
        assert job["minutes"] >= 10
        assert job["command"][job["command"].index("--device") + 1] == "cuda:1"


def test_folders_outside_the_home_go_along(repro, monkeypatch):
    monkeypatch.setenv("REPRO_DATA", "/data/of all")
    script = repro("plan", TABLE, *DEMO, "--only", "asm", "--format", "sh").stdout
    found = [line for line in typed(script).splitlines() if "repro train" in line]
    assert len(found) == 3
    assert all(line.startswith("REPRO_DATA='/data/of all' repro train ") for line in found)


def test_devices_are_taken_in_turn(planned, home):
    made = jobs(planned, home, *planned.runs[:3], devices=("cuda:0", "cuda:1"))
    assert [job.words[job.words.index("--device") + 1] for job in made] == [
        "cuda:0", "cuda:1", "cuda:0"
    ]  # fmt: skip


def family(planned):
    """Two runs, and a third that starts from the first."""
    first, second, third = planned.runs[:3]
    return [dataclasses.replace(third, parents=(first.id,)), first, second]


def test_parents_come_first_and_waves_are_marked(planned, home):
    script = scripts.as_sh(jobs(planned, home, *family(planned)))
    told = [line for line in typed(script).splitlines() if re.match(r"repro|# wave \d", line)]
    first, second, third = (run.id for run in planned.runs[:3])
    assert [line.split()[2] for line in told] == ["1", first, second, "2", third]


def test_an_array_of_waves_says_how_each_waits_for_the_one_before(planned, home, monkeypatch):
    monkeypatch.setattr(scripts, "ARRAY", 1)
    script = scripts.as_sbatch(jobs(planned, home, *family(planned)))
    told = [line[4:] for line in script.splitlines() if "sbatch --parsable" in line]
    assert told == [
        "w0_0=$(sbatch --parsable --export=ALL,FIRST=0 --array=0-0 FILE)",
        "w0_1=$(sbatch --parsable --export=ALL,FIRST=1 --array=0-0 FILE)",
        "w1_0=$(sbatch --parsable --dependency=afterok:$w0_0:$w0_1 --export=ALL,FIRST=2 "
        "--array=0-0 FILE)",
    ]


def test_a_task_of_the_array_runs_its_own_line(planned, home, tmp_path, monkeypatch):
    """The script is played by bash, with `repro` and `scontrol` in place of the real ones."""
    monkeypatch.setattr(scripts, "program", lambda: ["repro"])
    made = jobs(planned, home, *planned.runs[:3])
    (tmp_path / "runs.sbatch").write_text(scripts.as_sbatch(made))
    for name in ("repro", "scontrol"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} "$@"\nexit 7\n')
        (tmp_path / name).chmod(0o755)

    def task(**environment):
        path = f"{tmp_path}:/usr/bin:/bin"
        command = ["bash", str(tmp_path / "runs.sbatch")]
        return subprocess.run(
            command, env={"PATH": path, **environment}, capture_output=True, text=True
        )

    done = task(SLURM_ARRAY_TASK_ID="1")
    assert done.stdout.split()[:3] == ["repro", "train", planned.runs[1].id]
    assert done.returncode == 7  # what depends on it must not start
    assert planned.runs[2].id in task(SLURM_ARRAY_TASK_ID="1", FIRST="1").stdout


@pytest.mark.parametrize("refused", [False, True])
def test_a_device_that_does_not_work_has_an_exit_code_of_its_own(
    refused, repro, planned, monkeypatch
):
    """Only what is a device's fault may be tried again elsewhere; Slurm is asked if it is told."""
    from repro.engines import local, slurm_nodes
    from repro.engines.faults import RefusedError

    run = planned.runs[0].id

    def execute(*_):
        if refused:
            raise RefusedError("cuda:0 is not here", "repro doctor")
        return local.Outcomes(failed={run: "illegal access"}, spoilt={run})

    monkeypatch.setattr(local, "execute", execute)
    monkeypatch.setattr(slurm_nodes, "leave", lambda: "; queued again without n7")
    words = ("train", run, "--table", TABLE, *DEMO)
    assert "n7" not in repro(*words, code=6).stderr
    assert "; queued again without n7" in repro(*words, "--leave-node", code=6).stderr
    monkeypatch.setattr(
        local, "execute", lambda *_: local.Outcomes(failed={run: "a", "other": "b"}, spoilt={run})
    )
    assert "n7" not in repro(*words, "--leave-node", code=5).stderr


def test_only_a_task_with_a_card_may_leave_its_node(planned, home):
    for device, leaves in (("cpu", False), ("cuda:0", True)):
        script = scripts.as_sbatch(jobs(planned, home, planned.runs[0], devices=(device,)))
        assert ("--leave-node" in script) == leaves


def test_runs_that_all_lack_something_are_no_script_but_what_and_how_to_get_it(repro, home):
    done = repro("plan", TABLE, "--format", "sh", code=2)
    assert done.stdout == ""
    message, step = done.stderr.splitlines()
    assert "no run can be trained now (9 runs: 0 done, 9 blocked): needs " in message
    assert "needs speech_commands_v2_35" in message
    assert "needs DeiT weights" in message
    assert f"repro data add speech_commands_v2_35 DIR --home {home.root}" in step
    assert f", then repro weights fetch DeiT --home {home.root}" in step


CLUSTER = {
    "k8s": ["--option", "image=a", "--option", "claim=b"],
    "sky": ["--option", "bucket=s3://a", "--option", "install=pip"],
}


@pytest.mark.parametrize("fmt", ["sh", "slurm", "k8s", "sky"])
def test_where_all_runs_are_done_a_script_holds_none_and_says_what_is_next(
    fmt, repro, planned, home
):
    asked = [*DEMO, "--only", "asm-rh", "--device", "cuda:0"]
    for run in planned.runs:
        if run.system == "asm-rh":
            fake_ledger.write(home.runs, run, {"valid": {"accuracy": 0.5}, "test": {"accuracy": 0}})
    done = repro("plan", TABLE, *asked, "--format", fmt, *CLUSTER.get(fmt, []))
    said = ["no run is left to train: 3 of 3 done",
            f"Next:  repro table {TABLE} --profile demo --only asm-rh --device cuda:0 "
            f"--home {home.root}"]  # fmt: skip
    assert done.stderr.splitlines() == said  # a file takes the rest
    head = {"sh": ["#!/bin/sh"], "slurm": ["#!/bin/bash"]}.get(fmt, [])
    assert done.stdout.splitlines() == [*head, *(f"# {line}" for line in said)]
    blocked = repro("plan", TABLE, *DEMO, "--format", fmt, *CLUSTER.get(fmt, []), "--only", "asm-i",
                    code=2)  # fmt: skip
    assert "3 blocked): " in blocked.stderr


def test_tables_without_runs_are_a_script_without_one(repro):
    done = repro("plan", "gafx-unet-architecture", "gafx-resnet-architecture", "--format", "sh")
    assert "# no run is left to train: none is needed" in done.stdout
    assert done.stdout.count("# Next:  repro table gafx-") == 2


@pytest.mark.parametrize(
    ("run", "text"),
    [("zzz", "no run of asmrh-speechcommands"), ("", "ambiguous: 9 ids")],
)
def test_a_run_that_the_table_does_not_have_is_refused(run, text, repro):
    said = repro("train", run, "--table", TABLE, *DEMO, code=2).stderr
    assert text in said
    assert f"Next:  repro plan {TABLE} --format sh --profile demo" in said


def test_a_run_that_lacks_something_is_refused_with_what(repro, planned):
    run = next(run for run in planned.runs if run.missing)
    said = repro("train", run.id, "--table", TABLE, *DEMO, code=2).stderr
    assert "needs DeiT weights" in said


def test_a_run_whose_parent_has_no_result_is_refused(repro, planned, monkeypatch):
    from repro.commands import train

    child = dataclasses.replace(planned.runs[0], missing=(), parents=("0123456789ab",))
    changed = dataclasses.replace(planned, runs=(child,))
    monkeypatch.setattr(train, "plan_asked", lambda *_: changed)
    said = repro("train", child.id, "--table", TABLE, *DEMO, code=2).stderr
    assert "starts from run 0123456789ab" in said


@pytest.mark.slow
def test_the_script_trains_the_table_and_again_trains_nothing(tmp_path, home):
    tables = tiny.tables(tmp_path)
    words = ["plan", TABLE, *DEMO, "--only", "asm-rh", "--seeds", "0,1", "--home", str(home.root)]
    planned = tiny.start(tables, *words, "--format", "sh")
    script, said = planned.communicate()
    assert planned.returncode == 0, said
    program, *rest = tiny.command(tables)
    (tmp_path / "launch.py").write_text(rest[2])
    (tmp_path / "bin").mkdir()
    launcher = tmp_path / "bin" / "repro"
    launcher.write_text(f'#!/bin/sh\nexec "{program}" -P {tmp_path}/launch.py {tables} "$@"\n')
    launcher.chmod(0o755)
    (tmp_path / "runs.sh").write_text(typed(script))
    (parallel,) = re.findall(r"^#   (grep .*)$", script, re.MULTILINE)
    ways = ["sh runs.sh", parallel.replace("FILE", "runs.sh")]
    environment = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", **tiny.QUIET}
    for number, way in enumerate(reversed(ways)):
        done = subprocess.run(
            ["sh", "-c", way], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("recorded already") == 2 * number
        assert len(list(Ledger([home.runs]).all())) == 2


SLURM = ["table", TABLE, *DEMO, "--slurm"]


def test_the_scripts_for_slurm_can_be_read_where_there_is_none(repro, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("REPRO_SLURM_OPTIONS", "partition=gpu account=me")
    made = repro(*SLURM, "--dry-run", "--slurm-chunk", "4", code=4).stdout
    assert "time on cuda:0" in made
    assert re.findall(r"#SBATCH --array=(\S+)", made) == ["0-3%4", "0-1%2"]
    assert made.count("#SBATCH --partition=gpu\n") == made.count("#SBATCH --account=me\n") == 2
    assert made.count("#SBATCH --gpus-per-node=1\n") == 2
    cpu = repro(*SLURM, "--device", "cpu", "--dry-run", code=4).stdout
    assert "gpus" not in cpu


def test_slurm_chooses_the_gpu(repro):
    assert "leave --gpu out" in repro(*SLURM, "--gpu", "0", code=2).stderr


def test_several_runs_on_a_device_are_not_for_slurm(repro):
    said = repro(*SLURM, "--per-device", "2", code=2).stderr
    assert "array-parallelism=N" in said


def test_a_script_names_the_interpreter_and_works_with_nothing_on_the_path(repro, planned):
    """A node has no environment switched on: a bare `repro` would be exit code 127."""
    script = repro("plan", TABLE, *DEMO, "--only", "asm-rh", "--format", "sh").stdout
    line = next(line for line in script.splitlines() if " train " in line)
    assert shlex.split(line)[0] == sys.executable
    asked = shlex.split(line)
    asked[asked.index("train") + 1] = "zzz"
    done = subprocess.run(asked, env={}, cwd="/", capture_output=True, text=True)
    assert done.returncode == 2
    assert "no run of asmrh-speechcommands" in done.stderr


def test_the_runs_that_others_start_from_are_jobs_too(repro):
    done = repro("plan", "eat-esc50", *DEMO, "--seeds", "0", "--format", "json")
    jobs = json.loads(done.stdout)["jobs"]
    place = {job["run"]: number for number, job in enumerate(jobs)}
    parents = {parent: job["run"] for job in jobs for parent in job["parents"]}
    assert parents
    assert all(place[parent] < place[child] for parent, child in parents.items())


def test_a_plan_says_what_is_missing_of_the_runs_that_others_start_from(home, tmp_path):
    """That EAT's ESC-50 takes AudioSet stood in no plan until ESC-50 was there."""
    asked = ["plan", "eat-esc50", "--device", "cuda:0", "--home", str(tmp_path / "home")]
    text = CliRunner().invoke(main, asked).stdout
    parents = [f"{system} on audioset_unbalanced" for system in ("eat-s", "eat-m")]
    assert f"45 blocked (and 3 of {parents[0]}, 3 of {parents[1]}, which they start from)" in text
    assert "eat-m on audioset_unbalanced, eat-s on audioset_unbalanced: put AudioSet's" in text
    for parent, gigabytes in zip(parents, (44, 91), strict=True):
        assert f"{parent}: {gigabytes} GB of a card" in text
    table = json.loads(CliRunner().invoke(main, [*asked, "--format", "json"]).stdout)["tables"][0]
    assert len(table["before_them"]) == 6
    assert {name for gap in table["missing"].values() for name in gap["systems"]} == {
        *parents, "eat-s", "eat-s@audioset", "eat-m@audioset",
    }  # fmt: skip


def test_a_plan_names_the_quoted_systems_that_can_be_trained_too(tmp_path):
    def lines(*words):
        asked = ["plan", "m3net-urbansound8k", *words, "--home", str(tmp_path)]
        told = CliRunner().invoke(main, asked).stdout.splitlines()
        return [line for line in told if ": quoted" in line]

    assert [line.split(":")[0].strip() for line in lines()] == ["phinets-m40"]
    assert lines("--with-rivals") == lines("--on", "esc10") == []


def test_the_sum_of_tables_has_the_runs_that_others_start_from_once(tmp_path):
    def planned(what):
        asked = ["plan", what, "--device", "cuda:0", "--home", str(tmp_path), "--format", "text"]
        return CliRunner().invoke(main, asked).stdout

    one, both = planned("eat-esc50"), planned("eat")
    assert "(51 from operations" in one
    every = int(re.search(r"(\d+) different runs", both)[1])
    # The two printed runs of AudioSet's table are among the six.
    assert "the blocked ones and what they start from: " in both
    assert f"({every + 4} from operations" in both
