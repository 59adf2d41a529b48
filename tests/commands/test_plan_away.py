"""`repro plan --format k8s|sky`: one index for each run, and what the clusters' own clients read.

Kubernetes's client reads the Job where REPRO_ORACLES holds it. The schema of SkyPilot is restated
by hand, from version 0.14 of its package, whose import needs too much: only what is used here.
"""

import json
import os
import shlex
import subprocess
import sys

import pydantic
import pytest
import yaml
from click.testing import CliRunner

from repro.commands._entry import main
from repro.commands.plan import away, scripts
from repro.commands.shared import making
from tests import tiny
from tests.commands.test_plan_formats import family, planned  # noqa: F401  # a fixture

TABLE = "asmrh-speechcommands"
DEMO = [TABLE, "--profile", "demo", "--only", "asm-rh"]
K8S = {"image": "registry/repro:1", "claim": "home"}
SKY = {"bucket": "s3://ours", "install": "pip install ours.whl", "accelerators": "H100:1"}


@pytest.fixture
def home(tmp_path):
    return tiny.home(tmp_path / "home")


def plan(home, *words, code=0):
    done = CliRunner().invoke(main, ["plan", *DEMO, *words, "--home", str(home.root)])
    assert done.exit_code == code, done.output
    return done.output if code else done.stdout


def given(options):
    return [word for key, value in options.items() for word in ("--option", f"{key}={value}")]


def jobs(plan, home, *runs):
    from repro.records.ledger import Ledger

    return scripts.jobs([plan], runs, ["cuda:0"], 2, Ledger([home.runs]), home, "/repro")


def picked(script, index, name):
    """Run a script with `repro` as echo; return the words that it was called with."""
    shell = f'repro() {{ echo "$*"; }}\nexec() {{ "$@"; }}\n{script}'
    done = subprocess.run(
        ["bash", "-c", shell], env={**os.environ, name: str(index)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return [shlex.split(line) for line in done.stdout.splitlines()]


def test_an_index_of_the_job_trains_its_run(home):
    (job,) = yaml.safe_load_all(plan(home, "--device", "cuda:0", "--format", "k8s", *given(K8S)))
    ready = json.loads(plan(home, "--format", "json"))["tables"][0]["to_train"]
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == len(ready) == 3
    (container,) = job["spec"]["template"]["spec"]["containers"]
    shell, option, script = container["command"]
    assert (shell, option) == ("bash", "-c")
    for index, run in enumerate(ready):
        ((verb, asked, *words),) = picked(script, index, "JOB_COMPLETION_INDEX")
        assert (verb, asked) == ("train", run)
        assert words[-2:] == ["--home", container["volumeMounts"][0]["mountPath"]]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert "suspend" not in job["spec"]
    (rule,) = job["spec"]["podFailurePolicy"]["rules"]
    assert rule["action"] == "FailIndex"  # a failed run; not a device that does not work
    assert rule["onExitCodes"]["values"] == [2, 4, making.FAILED]


def test_a_queue_of_kueue_and_a_kind_of_node_are_asked_for(home):
    asked = given({**K8S, "queue": "team", "node": "card=h100", "namespace": "audio"})
    (job,) = yaml.safe_load_all(plan(home, "--format", "k8s", *asked))
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team"
    assert job["metadata"]["namespace"] == "audio"
    assert job["spec"]["suspend"] is True
    assert job["spec"]["template"]["spec"]["nodeSelector"] == {"card": "h100"}
    assert "nvidia.com/gpu" not in str(job)  # on the CPU


def test_each_wave_is_a_job_of_its_own_and_is_waited_for(home, planned, monkeypatch):  # noqa: F811
    made = jobs(planned, home, *family(planned))
    script = away.as_k8s(made, K8S)
    first, second = yaml.safe_load_all(script)
    assert [one["spec"]["completions"] for one in (first, second)] == [2, 1]
    assert [one["metadata"]["labels"]["wave"] for one in (first, second)] == ["0", "1"]
    told = [line for line in script.splitlines() if "-l wave=" in line]
    assert len(told) == 2
    monkeypatch.setattr(away, "ARRAY", 1)
    names = [one["metadata"]["name"] for one in yaml.safe_load_all(away.as_k8s(made, K8S))]
    assert len(set(names)) == 3


def test_the_client_of_kubernetes_reads_the_job_whole(home):
    oracles = os.environ.get("REPRO_ORACLES")
    if not oracles or not os.path.isdir(f"{oracles}/kubernetes"):  # noqa: PTH112
        pytest.skip("the client of Kubernetes is not here (REPRO_ORACLES)")
    text = plan(home, "--device", "cuda:0", "--format", "k8s", *given({**K8S, "queue": "team"}))
    code = (
        "import json, sys; sys.path.append(sys.argv[1]); from kubernetes import client as c\n"
        "text = sys.stdin.read(); api = c.ApiClient()\n"
        "job = api.deserialize(text, 'V1Job', 'application/json')\n"
        "sys.exit(api.sanitize_for_serialization(job) != json.loads(text))"
    )
    for job in yaml.safe_load_all(text):
        done = subprocess.run(
            [sys.executable, "-c", code, oracles], input=json.dumps(job), text=True
        )
        assert done.returncode == 0


class Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True)


class Resources(Strict):
    """Of SkyPilot."""

    cpus: str = pydantic.Field(pattern=r"^\d+\+?$")
    memory: str = pydantic.Field(pattern=r"^\d+\+?$")
    accelerators: str | None = None
    infra: str | None = None


class Mount(Strict):
    """Of SkyPilot: a bucket."""

    source: str
    mode: str = pydantic.Field(pattern="^MOUNT$")


class Task(Strict):
    """Of SkyPilot."""

    name: str
    resources: Resources
    envs: dict[str, str]
    file_mounts: dict[str, Mount]
    setup: str
    run: str


def test_a_launch_of_the_task_trains_its_run(home, tmp_path, monkeypatch):
    monkeypatch.setattr(away, "EXCHANGE", str(tmp_path / "exchange"))
    text = plan(home, "--device", "cuda:0", "--format", "sky", *given(SKY))
    task = Task.model_validate(yaml.safe_load(text))
    assert task.resources.accelerators == "H100:1"
    ready = json.loads(plan(home, "--format", "json"))["tables"][0]["to_train"]
    for index, run in enumerate(ready):
        train, export = picked(task.run, index, "INDEX")
        assert train[:2] == ["train", run]
        assert export[:2] == ["runs", "export"]
    (tmp_path / "exchange" / "records" / "1-node.tar.gz").touch()
    assert picked(task.run, 0, "INDEX")[0][:2] == ["runs", "import"]
    assert f"seq 0 {len(ready) - 1}" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "k8s"], "--format k8s needs a container image"),
        (["--format", "k8s", "--option", "image=a", "--option", "clam=b"], "claim"),
        (["--format", "sh", "--option", "image=a"], "--format sh takes none"),
        (["--format", "k8s", "--option", "image="], "expected KEY=VALUE"),
        (["--format", "sky", "--device", "cuda:0", "--option", "bucket=s3://a", "--option",
          "install=pip"], "needs cards by name"),
    ],
)  # fmt: skip
def test_what_a_format_cannot_use_or_lacks_is_said(home, words, said):
    assert said in plan(home, *words, code=2)
