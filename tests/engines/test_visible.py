"""Names of cards: what each means, which there are, and what a process that trains sees."""

import os
import stat
import sys

import pytest

from repro.commands.shared import asking
from repro.engines import local, visible
from repro.errors import UserError
from tests import tiny

WHOLE = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-8932f937-d72c-4106-c12f-20bd9faed9f6)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-4cf8db2d-06c0-7d70-1a51-e59b25b2c16c)
"""
PARTS = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-8932f937-d72c-4106-c12f-20bd9faed9f6)
  MIG 3g.20gb     Device  0: (UUID: MIG-74fb5d4a-1d6a-5b1e-8b6f-d1d4f5b2a111)
  MIG 3g.20gb     Device  1: (UUID: MIG-0e2e3c55-1f7b-5b1e-8b6f-d1d4f5b2a222)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-4cf8db2d-06c0-7d70-1a51-e59b25b2c16c)
"""
SET = "CUDA_VISIBLE_DEVICES"


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv(SET, raising=False)


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """Have an nvidia-smi that lists cards."""

    def have(text, code=0):
        script = tmp_path / "nvidia-smi"
        script.write_text(
            f"#!/bin/sh\n[ \"$1\" = -L ] || exit 9\ncat <<'END'\n{text}END\nexit {code}\n"
        )
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    return have


@pytest.mark.parametrize(
    ("device", "environment", "seen"),
    [
        ("cpu", {SET: "3"}, {}),
        ("cuda:1", {}, {SET: "1"}),
        ("cuda:1", {SET: "3, 5"}, {SET: "5"}),
        ("cuda:0", {SET: "GPU-89,1"}, {SET: "GPU-89"}),
        ("cuda:0", {SET: "2,-1,3"}, {SET: "2"}),
        ("cuda:GPU-8932f937-d72c", {SET: "0"}, {SET: "GPU-8932f937-d72c"}),
        ("cuda:MIG-GPU-89/1/0", {}, {SET: "MIG-GPU-89/1/0"}),
    ],
)
def test_a_process_sees_the_card_that_its_name_means_and_no_other(device, environment, seen):
    assert visible.alone(device, environment) == seen


@pytest.mark.parametrize(
    ("hidden", "device", "count"),
    [("", "cuda:0", 0), ("-1", "cuda:0", 0), ("NoDevFiles", "cuda:0", 0), ("3,5", "cuda:2", 2),
     ("3,-1,5", "cuda:1", 1)],
)  # fmt: skip
def test_a_number_beyond_what_the_environment_shows_is_refused(hidden, device, count):
    with pytest.raises(UserError) as caught:
        visible.alone(device, {SET: hidden})
    told = f"{device} is not here: {count} CUDA devices are visible ({SET}={hidden})"
    assert caught.value.message == told
    assert caught.value.next_step


@pytest.mark.parametrize(
    ("gpu", "devices"),
    [
        ("0", ["cuda:0"]),
        ("0, 1", ["cuda:0", "cuda:1"]),
        (" 2 ,01", ["cuda:2", "cuda:1"]),
        ("GPU-8932f937, 0", ["cuda:GPU-8932f937", "cuda:0"]),
        ("MIG-74fb5d4a-1d6a,MIG-GPU-89/1/0", ["cuda:MIG-74fb5d4a-1d6a", "cuda:MIG-GPU-89/1/0"]),
    ],
)
def test_cards_are_named_by_number_or_by_the_names_of_the_driver(gpu, devices):
    assert asking.devices(gpu, None) == devices
    assert [asking.devices(None, device) for device in devices] == [[one] for one in devices]


@pytest.mark.parametrize("gpu", ["", ",", "0 1", "gpu-8", "GPU-", "GPU-a b", "٣", "-1", "all,0"])
def test_what_names_no_card_is_refused(gpu):
    with pytest.raises(UserError, match="expected different cards"):
        asking.devices(gpu, None)


def test_all_cards_are_those_of_the_driver(listed):
    listed(WHOLE)
    assert asking.devices("all", None) == ["cuda:0", "cuda:1"]


def test_of_a_card_in_parts_the_parts_are_taken(listed):
    listed(PARTS)
    assert asking.devices(" all", None) == [
        "cuda:MIG-74fb5d4a-1d6a-5b1e-8b6f-d1d4f5b2a111",
        "cuda:MIG-0e2e3c55-1f7b-5b1e-8b6f-d1d4f5b2a222",
        "cuda:GPU-4cf8db2d-06c0-7d70-1a51-e59b25b2c16c",
    ]


def test_all_cards_are_those_that_the_environment_shows(listed, monkeypatch):
    listed(WHOLE)
    monkeypatch.setenv(SET, "1")
    assert asking.devices("all", None) == ["cuda:0"]
    monkeypatch.setenv(SET, "")
    with pytest.raises(UserError, match="hides every card"):
        asking.devices("all", None)


def test_all_cards_where_the_driver_lists_none_are_asked_for_by_name(listed):
    listed("Failed to initialize NVML: Driver/library version mismatch\n", code=18)
    with pytest.raises(UserError, match="lists no card here") as caught:
        asking.devices("all", None)
    assert "--gpu 0,1" in caught.value.next_step


# Plays a worker that says what it sees.
TOLD = """
import json, os, sys
device = sys.argv[sys.argv.index("--device") + 1]
print(json.dumps({"event": "ready", "seen": os.environ.get("CUDA_VISIBLE_DEVICES")}), flush=True)
for line in sys.stdin:
    run = json.loads(line)["run"]
    print(json.dumps({"event": "end", "run": run, "status": "complete", "cause": ""}), flush=True)
"""


def test_each_worker_sees_its_own_card_alone(tmp_path, monkeypatch):
    script = tmp_path / "worker.py"
    script.write_text(TOLD)
    monkeypatch.setattr(local, "WORKER", (sys.executable, str(script)))
    monkeypatch.setenv(SET, "4,GPU-89")
    run = tiny.run(tiny.tables(tmp_path / "small"))
    seen = []

    def show(device, _, event):
        if event["event"] == "ready":
            seen.append((device, event["seen"]))

    runs = [run] * 3
    devices = ["cuda:0", "cuda:1", "cuda:MIG-74"]
    local.execute(runs, devices, 1, tiny.home(tmp_path), show)
    assert sorted(seen) == [("cuda:0", "4"), ("cuda:1", "GPU-89"), ("cuda:MIG-74", "MIG-74")]
    with pytest.raises(UserError, match="cuda:2 is not here: 2 CUDA"):
        local.execute(runs, ["cuda:0", "cuda:2"], 1, tiny.home(tmp_path), show)
