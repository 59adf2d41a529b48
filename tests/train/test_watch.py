"""What a GPU's allocator counts is told, over interruptions too; the rest of CUDA is described."""

import types

import numpy
import pytest
import torch
import torchaudio

from repro import identity
from repro.train import determinism, loop
from repro.train.hardware import cards, watch
from tests.train.toy import fit, make_task


class Allocator:
    """Stands in for torch.cuda: the counts of a process, as its memory_stats gives them."""

    def __init__(self, monkeypatch):
        self.ooms = self.retries = self.reserved = 0
        monkeypatch.setattr(torch.cuda, "memory_stats", lambda device: self.stats())
        monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", self.reset)

    def stats(self):
        return {"num_ooms": self.ooms, "num_alloc_retries": self.retries,
                "reserved_bytes.all.peak": self.reserved, "active.all.current": 3}  # fmt: skip

    def reset(self, device):
        self.reserved = 0


@pytest.fixture
def allocator(monkeypatch):
    return Allocator(monkeypatch)


def test_counts_are_those_of_this_run_not_of_the_process(allocator):
    allocator.ooms, allocator.retries, allocator.reserved = 5, 7, 900
    seen = watch.Watch("cuda:0")
    none = {"num_ooms": 0, "num_alloc_retries": 0, "peak_reserved": 0, "audio": 0}
    assert seen.seen() == none
    allocator.ooms, allocator.retries, allocator.reserved = 6, 9, 400
    some = {"num_ooms": 1, "num_alloc_retries": 2, "peak_reserved": 400}
    assert seen.seen() == none | some


def test_a_cpu_has_no_such_counts():
    assert watch.Watch("cpu").seen() == {}


def test_what_an_interrupted_process_saw_is_in_the_record(allocator, tmp_path, monkeypatch):
    """One failed allocation before the kill and two after: three; the peak is the larger one."""
    monkeypatch.setenv("REPRO_CHECKPOINT_SECONDS", "0")
    monkeypatch.setattr(loop, "Watch", lambda _, before, audio: watch.Watch("cuda", before, 7))
    real = loop._epoch

    def interrupted(*args):
        if args[3] == 2:
            raise KeyboardInterrupt
        allocator.ooms, allocator.reserved = 1, 800
        return real(*args)

    monkeypatch.setattr(loop, "_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(make_task(), tmp_path)

    allocator.ooms = allocator.reserved = 0  # a new process

    def resumed(*args):
        allocator.ooms, allocator.reserved = 2, 300
        return real(*args)

    monkeypatch.setattr(loop, "_epoch", resumed)
    outcome, events = fit(make_task(), tmp_path)
    assert any(event["event"] == "resume" for event in events)
    counts = {"num_ooms": 3, "num_alloc_retries": 0, "peak_reserved": 800}
    assert outcome.observed == {**counts, "audio": 7}


@pytest.fixture
def cuda(monkeypatch):
    """A CUDA device that is described, not used."""
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H100")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91002)
    monkeypatch.setattr(cards, "driver", lambda: "580.95.05")
    for name in determinism._COARSER:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    flags = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [flag.allow_tf32 for flag in flags]
    for flag in flags:
        flag.allow_tf32 = False
    yield
    for flag, value in zip(flags, before, strict=True):
        flag.allow_tf32 = value


def test_libraries_and_settings_of_cuda_are_part_of_the_execution(cuda):
    told = determinism.execution("cuda:0", 2)
    assert told["tier"] == "exact"
    assert (told["cudnn"], told["driver"], told["cublas_workspace"]) == (
        91002, "580.95.05", ":4096:8")  # fmt: skip
    assert (told["tf32_allowed"], told["tf32_override"]) == (False, {})


@pytest.mark.parametrize(
    ("name", "value", "tier"),
    [
        ("NVIDIA_TF32_OVERRIDE", "1", "statistical"),
        ("NVIDIA_TF32_OVERRIDE", "0", "exact"),  # forbids what is forbidden already
        ("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "1", "statistical"),
        ("CUBLAS_WORKSPACE_CONFIG", ":16:8", "exact"),  # promised too, by cuBLAS
        ("CUBLAS_WORKSPACE_CONFIG", ":0:0", "statistical"),
    ],
)
def test_an_override_is_another_execution_and_says_its_tier(cuda, monkeypatch, name, value, tier):
    plain = determinism.execution("cuda:0", 2)
    monkeypatch.setenv(name, value)
    told = determinism.execution("cuda:0", 2)
    assert told["tier"] == tier
    assert identity.execution_id(told) != identity.execution_id(plain)


@pytest.mark.parametrize("flags", [torch.backends.cuda.matmul, torch.backends.cudnn])
def test_tf32_that_is_allowed_after_all_is_not_exact(cuda, flags):
    flags.allow_tf32 = True
    assert determinism.execution("cuda:0", 2)["tier"] == "statistical"


@pytest.mark.parametrize("name", ["cudnn", "driver"])
def test_another_library_is_another_execution(cuda, monkeypatch, name):
    plain = determinism.execution("cuda:0", 2)
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91300)
    monkeypatch.setattr(cards, "driver", lambda: "590.1")
    other = determinism.execution("cuda:0", 2)
    assert other[name] != plain[name]
    assert identity.execution_id({**plain, name: other[name]}) != identity.execution_id(plain)


def test_the_driver_is_read_from_what_its_module_states(tmp_path, monkeypatch):
    stated = tmp_path / "version"
    stated.write_text(
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build\n"
        "GCC version:  gcc version 13.3.0 (Ubuntu 13.3.0-6ubuntu2~24.04)\n"
    )
    monkeypatch.setattr(cards, "DRIVER", stated)
    assert cards.driver() == "580.95.05"
    monkeypatch.setattr(cards, "DRIVER", tmp_path / "none")
    assert cards.driver() is None


def test_nothing_of_this_touches_the_executions_of_cpus(monkeypatch):
    """Records are kept by these ids: the keys of a CPU's execution are what they were."""
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "1")
    monkeypatch.setattr(determinism, "_processor", lambda: "AMD EPYC")
    capability = types.SimpleNamespace(get_cpu_capability=lambda: "AVX512")
    monkeypatch.setattr(torch.backends, "cpu", capability)
    assert determinism.execution("cpu", 1) == {
        "compile": False, "cuda": None, "device": "cpu", "device_name": "AMD EPYC",
        "instructions": "AVX512", "numpy": numpy.__version__, "threads": 1,
        "tier": "exact", "torch": torch.__version__,
        "torchaudio": torchaudio.__version__,
    }  # fmt: skip


def test_what_fills_a_card_is_named_largest_first(monkeypatch):
    gb = 10**9
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (gb // 100, 12 * gb))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 8 * gb)
    told = watch.filling("cuda:0", {"audio": 2 * gb, "kept features": gb // 2, "nothing": 0})
    assert told == (
        "network, optimiser and batch 5.5 GB, other processes and CUDA's own 4.0 GB, "
        "audio 2.0 GB, kept features 0.5 GB"
    )
    assert watch.filling("cpu", {"audio": 0, "kept features": gb}) == "kept features 1.0 GB"
