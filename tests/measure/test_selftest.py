"""A selftest: what a device says of itself is judged, and a fault that is put in is seen."""

import itertools
import json
import os
import sys
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner

from repro.commands import _entry
from repro.commands.doctor import trying
from repro.frontends.fbank import Fbank
from repro.measure.selftest import facts, operations, process, rates, systems, trial
from repro.measure.selftest.checks import FAIL, OK, SLOW, Check, tried
from repro.records.ledger import Ledger
from repro.train import loop
from tests import tiny


def test_a_line_says_what_was_expected_and_what_to_do_only_where_it_is_not_met():
    parts = ("copies", "9 GB/s", "12 GB/s", "look")
    name, value, expected, step = parts
    assert Check(name, OK, value, expected, step).line == "ok    copies                  9 GB/s"
    told = Check(name, SLOW, value, expected, step).line
    assert told.endswith("9 GB/s (expected: 12 GB/s) -> look")


def test_an_attempt_that_raises_or_gives_something_else_fails():
    assert tried("sum", lambda: 4.0, 4.0, "mend it").status == OK
    wrong = tried("sum", lambda: 5.0, 4.0, "mend it", "two and two is 4")
    assert (wrong.status, wrong.value, wrong.expected) == (FAIL, "5.0", "two and two is 4")
    broken = tried("sum", lambda: 1 / 0, 4.0, "mend it")
    assert (broken.status, broken.value) == (FAIL, "ZeroDivisionError: division by zero")


@pytest.mark.parametrize(
    ("supports", "built", "status"),
    [(13000, "13.0", OK), (13010, "13.0", OK), (12080, "13.0", FAIL), (13000, "13.2", SLOW),
     (12020, "12.8", SLOW), (14000, "13.0", OK), (None, "13.0", FAIL)],
)  # fmt: skip
def test_a_driver_is_held_against_the_build(supports, built, status):
    assert facts.driver(supports, built).status == status


@pytest.mark.parametrize(
    ("card", "built", "status"),
    [((9, 0), ["sm_80", "sm_90"], OK), ((8, 6), ["sm_80", "sm_90"], OK),
     ((8, 0), ["sm_86"], FAIL), ((7, 0), ["sm_75", "sm_90"], FAIL), ((9, 0), ["sm_90a"], OK),
     ((12, 1), ["sm_90", "compute_120"], SLOW), ((12, 0), ["sm_100", "sm_120"], OK),
     ((9, 0), [], FAIL)],
)  # fmt: skip
def test_a_card_is_held_against_the_code_in_the_build(card, built, status):
    """Code runs on cards of its major capability and no lower minor one; PTX on later ones."""
    assert facts.capability(card, built).status == status


@pytest.mark.parametrize(
    ("environment", "kind", "status"),
    [({}, "cuda", OK), ({"NVIDIA_TF32_OVERRIDE": "1"}, "cuda", FAIL),
     ({"NVIDIA_TF32_OVERRIDE": "0"}, "cuda", OK), ({"CUDA_LAUNCH_BLOCKING": "1"}, "cuda", SLOW),
     ({"CUBLAS_WORKSPACE_CONFIG": ":0:0"}, "cuda", FAIL),
     ({"CUBLAS_WORKSPACE_CONFIG": ":16:8"}, "cuda", OK), ({"MKL_CBWR": "SSE2"}, "cpu", FAIL),
     ({"CUDA_LAUNCH_BLOCKING": "1"}, "cpu", OK), ({"OMP_WAIT_POLICY": "ACTIVE"}, "cpu", SLOW)],
)  # fmt: skip
def test_overrides_of_the_environment_are_named(environment, kind, status):
    check = facts.overrides(environment, kind)
    assert check.status == status
    assert status == OK or next(iter(environment)) in check.value


def test_memory_and_load_and_parts_are_said():
    assert facts.memory(7 << 30, 10 << 30).status == OK
    assert facts.memory(3 << 30, 10 << 30).line.startswith("SLOW  memory")
    assert facts.load(0.4, 2).status == OK
    assert facts.load(1.6, 2).status == SLOW
    assert "a part" in facts.parts("NVIDIA H100 80GB HBM3 MIG 1g.10gb").value
    assert facts.bf16(native=False).status == SLOW


def test_what_a_card_says_of_itself_is_asked(monkeypatch):
    told = {"get_device_capability": (9, 0), "get_arch_list": ["sm_90"], "is_bf16_supported": True,
            "mem_get_info": (9 << 30, 10 << 30), "get_device_name": "Card"}  # fmt: skip
    for name, value in told.items():
        monkeypatch.setattr(torch.cuda, name, lambda *_, value=value, **__: value)
    monkeypatch.setattr(facts, "_driver", lambda: 13000)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    found = {check.name: check.status for check in facts.of("cuda:0")}
    assert list(found) == ["driver", "capability", "bfloat16", "memory", "MIG", "environment"]
    assert set(found.values()) == {OK}


SOUND = {"matrix_rate_fp32": 50e12, "matrix_rate_bf16": 600e12, "bandwidth": 4e12,
         "launch_seconds": 4e-6, "wait_seconds": 2e-5}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "slow"),
    [({}, set()), ({"matrix_rate_bf16": 60e12}, {"products in bf16"}),
     ({"bandwidth": 1e12}, {"copies"}), ({"launch_seconds": 1e-4}, {"launch"}),
     ({"wait_seconds": 1e-3}, {"wait"})],
)  # fmt: skip
def test_rates_below_what_a_card_can_are_slow(changed, slow):
    found = rates.judged({**SOUND, **changed}, cuda=True, native=True, of_bus=4.8e12)
    assert {check.name for check in found if check.status == SLOW} == slow
    assert not any(check.status == FAIL for check in found)
    on_cpu = rates.judged({**SOUND, **changed}, cuda=False, native=False, of_bus=None)
    assert {check.status for check in on_cpu} == {OK}


def test_a_memory_bus_moves_its_width_twice_a_clock(monkeypatch):
    about = SimpleNamespace(memory_clock_rate=2_619_000, memory_bus_width=6144, name="H200")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: about)
    assert rates.bus("cuda:0") == pytest.approx(4.02e12, rel=0.01)  # bytes/s
    about.name = "H200 MIG 1g.18gb"
    assert rates.bus("cuda:0") is None
    assert rates.bus("cpu") is None


def test_operations_of_a_sound_device_and_of_one_that_computes_in_tf32(monkeypatch):
    assert {check.status for check in operations.run("cpu")} == {OK}

    def coarse(a, b, mm=torch.mm):
        return mm((a.view(torch.int32) & ~0x1FFF).view(torch.float32), b)  # 10 bits are left

    monkeypatch.setattr(torch, "mm", coarse)
    found = {check.name for check in operations.run("cpu") if check.status == FAIL}
    assert found == {"single precision"}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tiny.home(tmp_path_factory.mktemp("selftest"))


@pytest.fixture(scope="module")
def job(home):
    """The job of the smallest system."""
    threads = torch.get_num_threads()
    yield trying.jobs("cpu", home)[0]
    torch.set_num_threads(threads)


def looked(job, home, parts=("device",)):
    """Return what a process finds, in this one."""
    places = {"root": str(home.root), "data": str(home.data), "cache": str(home.cache)}
    asked = {"device": "cpu", "called": "cpu", "threads": 1, "jobs": [job], "home": places,
             "parts": list(parts)}  # fmt: skip
    return list(process.look(asked))


def test_trainings_have_equal_digests_at_each_of_six_steps(job, home):
    (found,) = (said for said in looked(job, home, ()) if "steps" in said)
    one, two = found["digests"][0], systems.steps(job, "cpu", home).digests
    assert one == two
    assert len(set(one)) == systems.STEPS


def test_a_device_that_computes_otherwise_each_time_is_seen_at_its_step(job, home, monkeypatch):
    drawn, sound = itertools.count(), loop._lr
    monkeypatch.setattr(loop, "_lr", lambda *a: sound(*a) * (1 + 1e-3 * (next(drawn) == 9)))
    first, second = (systems.steps(job, "cpu", home).digests for _ in range(2))
    seen = []
    asked = trial.Trial("cpu", 1, [job], {}, seen.append)
    asked._compare({job["system"]: [first, second]}, {})
    assert [check.status for check in seen] == [FAIL]
    assert "training 2 has other weights from step 4 on" in seen[0].value  # the tenth of twelve
    assert not asked.passed


def test_features_and_a_gradient_that_differ_from_the_cpus_are_seen(job, home, monkeypatch):
    assert systems.front_end(job, "cpu", home).status == OK
    assert systems.gradient(job, "cpu", home).status == OK
    sound = Fbank.normalise
    monkeypatch.setattr(
        Fbank, "normalise", lambda self, x: sound(self, x) * (1 + 0.01 * (len(x) > 1))
    )
    assert systems.front_end(job, "cpu", home).status == FAIL
    monkeypatch.setattr(Fbank, "normalise", lambda *_: torch.full((8, 128, 128), float("nan")))
    assert systems.gradient(job, "cpu", home).status == FAIL


def test_a_training_that_raises_is_a_check_that_fails(job, home, monkeypatch):
    def steps(*_):
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nmore")

    monkeypatch.setattr(systems, "steps", steps)
    checks = [said["check"] for said in looked(job, home, ()) if "check" in said]
    assert [check["status"] for check in checks] == [FAIL]
    assert "an illegal memory access" in checks[0]["value"]


# Play a process that looks and a worker; what they do follows from a file.
PLAYED = """
import json, os, signal, sys
what = open({what!r}).read()
asked = json.loads(sys.stdin.read())
def say(**said): print(json.dumps(said), flush=True)
say(part="device")
if what == "refuses":
    say(check=dict(name="device", status="FAIL", value="cuda:0 is not here"))
    sys.exit()
say(execution=dict(device="cuda", device_name="Card"))
say(part="operations")
if what == "dies": os.kill(os.getpid(), signal.SIGSEGV)
say(steps=asked["jobs"][0]["system"], digests=[["a", "b"]], seconds=0.5)
"""


@pytest.mark.parametrize(
    ("what", "said"),
    [("refuses", ["device: cuda:0 is not here"]),
     ("dies", ["process of operations: it was ended by signal 11 (SIGSEGV)"])],
)  # fmt: skip
def test_a_device_that_takes_its_process_with_it_is_a_check_that_fails(
    what, said, job, tmp_path, monkeypatch
):
    (tmp_path / "what").write_text(what)
    script = tmp_path / "played.py"
    script.write_text(PLAYED.format(what=str(tmp_path / "what")))
    monkeypatch.setattr(trial, "PROCESS", (sys.executable, str(script)))
    monkeypatch.setattr(trial, "WORKER", (sys.executable, "-c", "input()"))
    asked = trial.Trial("cuda:0", 1, [job], dict(os.environ), lambda _: None)
    asked.run()
    assert not asked.passed
    assert [f"{c.name}: {c.value}" for c in asked.checks][: len(said)] == said


@pytest.mark.slow
def test_a_sound_cpu_passes_and_its_rates_are_kept(tmp_path):
    out = tmp_path / "selftest.json"
    words = ["doctor", "--selftest", "--threads", "1", "--home", str(tmp_path / "home"),
             "--format", "json", "-o", str(out)]  # fmt: skip
    done = CliRunner().invoke(_entry.main, words, prog_name="repro")
    assert done.exit_code == 0, done.output
    told = json.loads(out.read_text())
    assert told["passed"]
    names = {check["name"] for check in told["checks"]}
    trained = {f"training {system}" for system in trying.SYSTEMS}
    assert names >= trained | {"killed and resumed", "two side by side", "gradient asm-rh"}
    (record,) = Ledger([tmp_path / "home" / "runs"]).all()
    assert record.of_device
    assert record.measured.rates == told["rates"]
    assert set(told["rates"]) >= {f"step_seconds.{system}" for system in trying.SYSTEMS}
