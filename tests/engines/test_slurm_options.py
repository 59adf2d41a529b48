"""Options of sbatch: what the user asks for stands alone, whatever it is called."""

import pytest

from repro.engines import slurm, slurm_options
from repro.engines.slurm import Asked
from repro.errors import UserError
from tests import tiny
from tests.engines.test_slurm import options


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return tiny.run(tiny.tables(tmp_path_factory.mktemp("small")))


def script(plain, tmp_path, *texts, device="cuda:0", count=1):
    home = tiny.home(tmp_path / "home")
    asked = Asked(device, 2, options=slurm_options.given(texts))
    needs = slurm.Resources(1 if device != "cpu" else 0, 2, 9, 600)
    return slurm._script(count, needs, asked, home, ["5_1"], "BATCH")


GPUS = {"gpus-per-node", "gpus", "gpus-per-task", "gres", "tres-per-task"}
MEMORY = {"mem", "mem-per-cpu", "mem-per-gpu"}
CPUS = {"cpus-per-task", "cpus-per-gpu"}


@pytest.mark.parametrize(
    ("texts", "group", "left"),
    [
        ([], GPUS, {"gpus-per-node": "1"}),
        (["gpus-per-node="], GPUS, {}),
        (["gpus_per_node="], GPUS, {}),
        (["gres=gpu:1"], GPUS, {"gres": "gpu:1"}),
        (["G=1"], GPUS, {"gpus": "1"}),
        (["--gpus-per-task=1"], GPUS, {"gpus-per-task": "1"}),
        (["tres-per-task=gres/gpu:1"], GPUS, {"tres-per-task": "gres/gpu:1"}),
        (["gpus=1", "gres=gpu:a100:1"], GPUS, {"gpus": "1", "gres": "gpu:a100:1"}),
        (["gres=tmpfs:10G"], GPUS, {"gpus-per-node": "1", "gres": "tmpfs:10G"}),
        (["mem-per-cpu=4G"], MEMORY, {"mem-per-cpu": "4G"}),
        (["mem-per-gpu=4G"], MEMORY, {"mem-per-gpu": "4G"}),
        (["mem=0"], MEMORY, {"mem": "0"}),
        (["mem="], MEMORY, {}),
        (["c=4"], CPUS, {"cpus-per-task": "4"}),
        (["cpus-per-task="], CPUS, {}),
        (["cpus-per-gpu=8"], CPUS, {"cpus-per-gpu": "8"}),
        (["no-requeue"], {"requeue", "no-requeue"}, {"no-requeue": ""}),
        (["requeue="], {"requeue", "no-requeue"}, {}),
        (["kill-on-invalid-dep="], {"kill-on-invalid-dep"}, {}),
        (["time=2-00:00:00"], {"time", "signal"}, {"time": "2-00:00:00", "signal": "USR2@120"}),
        (["t=3"], {"time", "signal"}, {"time": "3", "signal": "USR2@90"}),
        (["time=2:30"], {"time", "signal"}, {"time": "2:30", "signal": "USR2@90"}),
        (["time="], {"time", "signal"}, {"signal": "USR2@120"}),
        (["time=UNLIMITED"], {"time", "signal"}, {"time": "UNLIMITED", "signal": "USR2@120"}),
        (["signal=USR2@55"], {"signal"}, {"signal": "USR2@55"}),
        (["comment="], {"comment"}, {"comment": "BATCH"}),
        (["comment=project 7"], {"comment"}, {"comment": "'project 7 BATCH'"}),
        (["J=mine"], {"job-name"}, {"job-name": "mine"}),
        (["job_name=mine"], {"job-name"}, {"job-name": "mine"}),
        (["wckey=w"], {"wckey"}, {"wckey": "w"}),
        (["d=singleton"], {"dependency"}, {"dependency": "afterok:5_1,singleton"}),
        (["dependency=afterany:4"], {"dependency"}, {"dependency": "afterok:5_1,afterany:4"}),
        (["array-parallelism=3"], {"array", "array-parallelism"}, {"array": "0-9%3"}),
        ([], {"array", "array-parallelism"}, {"array": "0-9%10"}),
        (["exclusive"], {"exclusive"}, {"exclusive": ""}),
        (["exclusive=user"], {"exclusive"}, {"exclusive": "user"}),
    ],
)
def test_of_what_is_one_thing_only_the_users_word_stands(texts, group, left, plain, tmp_path):
    made = script(plain, tmp_path, *texts, count=10)
    lines = [line.split("=")[0] for line in made.splitlines() if line.startswith("#SBATCH")]
    assert len(lines) == len(set(lines))  # nothing is said twice
    assert {key: value for key, value in options(made).items() if key in group} == left


def test_srun_is_told_the_processors_that_were_asked_for(plain, tmp_path):
    assert "SRUN_CPUS_PER_TASK=2" in script(plain, tmp_path)
    assert "SRUN_CPUS_PER_TASK=4" in script(plain, tmp_path, "c=4")
    assert "SRUN_CPUS_PER_TASK" not in script(plain, tmp_path, "cpus-per-task=")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("array=0-3", "follows from that"),
        ("N=2", "nodes follows from that"),
        ("ntasks=4", "follows from that"),
        ("o=/tmp/x", "output follows from that"),
        ("wrap=ls", "follows from that"),
        ("=3", "expected KEY=VALUE"),
        ("", "expected KEY=VALUE"),
        ("Partition=gpu", "expected KEY=VALUE"),
        ("time=soon", "not a time"),
        ("time=-5", "not a time"),
        ("time=1:2:3:4", "not a time"),
        ("time=²", "not a time"),
        ("comment=a\n#SBATCH --uid=0", "one line"),
    ],
)
def test_what_is_not_the_users_to_set_is_refused(text, said):
    with pytest.raises(UserError, match=said) as caught:
        slurm_options.given([text])
    assert caught.value.next_step


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("240", 240), ("0", 0), ("2:30", 3), ("4:00:00", 240), ("0:00:01", 1), ("2-0", 2880),
     ("2-00:00:00", 2880), ("1-2:30", 1590), ("1-02:30:01", 1591), ("infinite", None)],
)  # fmt: skip
def test_times_as_sbatch_reads_them(text, minutes):
    """The six ways of its manual, under --time."""
    assert slurm_options.minutes(text) == minutes
