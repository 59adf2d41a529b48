"""What a machine without its card in order is told; torch's answers are those of real machines."""

import pytest
import torch

from repro.train.hardware import cards

OLD = (
    "The NVIDIA driver on your system is too old (found version 12020). Please update your GPU "
    "driver by downloading and installing a new version."
)
NONE = "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU."
NO_CODE = "CUDA error: no kernel image is available for execution on the device\nmore"


@pytest.fixture
def machine(monkeypatch):
    """A machine with one V100, whose torch answers as told."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "init", lambda: None)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: "Tesla V100")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda number: (7, 0))
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_90"])
    monkeypatch.setattr(torch, "ones", lambda *_, device: torch.full((2,), 1.0))
    return monkeypatch


def raising(text):
    def call(*_, **__):
        raise RuntimeError(text)

    return call


def test_a_card_that_computes_is_usable(machine):
    assert cards.unusable(0) is None


def test_a_build_for_the_cpu_is_named(machine):
    machine.setattr(torch.version, "cuda", None)
    assert "is built for the CPU alone; install the build for CUDA" in cards.unusable(0)


def test_a_driver_that_is_too_old_has_its_version(machine, tmp_path):
    stated = tmp_path / "version"
    stated.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19\n")
    machine.setattr(cards, "DRIVER", stated)
    machine.setattr(torch.cuda, "init", raising(OLD))
    machine.setattr(torch.cuda, "device_count", lambda: 0)
    told = "the NVIDIA driver 535.104.05 is too old: it supports CUDA 12.2, PyTorch"
    assert told in cards.unusable(0)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (OLD, "too old: it supports CUDA 12.2, PyTorch 2.11.0"),
        (OLD, "needs 13.0; update the driver, install the build of PyTorch for an older CUDA, or"),
        (NONE, "Found no NVIDIA driver on your system; PyTorch"),
    ],
)
def test_why_cuda_does_not_start_is_said(machine, answer, told):
    machine.setattr(torch.cuda, "init", raising(answer))
    for counted in (0, 1):  # by NVML, which may answer where CUDA does not
        machine.setattr(torch.cuda, "device_count", lambda counted=counted: counted)
        assert told in cards.unusable(0)


def test_a_card_that_does_not_even_tell_its_name_is_told_of(machine):
    for asked in ("get_device_name", "get_device_capability"):
        machine.setattr(torch.cuda, asked, raising("CUDA error: unknown error"))
    machine.setattr(torch, "ones", raising("CUDA error: unspecified launch failure\nmore"))
    told = "cuda:0 is not usable: CUDA error: unspecified launch failure"
    assert cards.unusable(0) == told


def test_what_the_environment_hides_is_said(machine):
    machine.setenv("CUDA_VISIBLE_DEVICES", "3")
    told = "cuda:1 is not here: 1 CUDA devices are visible (CUDA_VISIBLE_DEVICES=3)"
    assert cards.unusable(1) == told
    machine.setenv("CUDA_VISIBLE_DEVICES", "")
    machine.setattr(torch.cuda, "init", raising("No CUDA GPUs are available"))
    machine.setattr(torch.cuda, "device_count", lambda: 0)
    told = "cuda:0 is not here: 0 CUDA devices are visible (CUDA_VISIBLE_DEVICES=)"
    assert cards.unusable(0) == told


def test_a_card_that_a_process_was_to_see_alone_has_the_users_name(machine):
    machine.setattr(torch.cuda, "device_count", lambda: 0)
    machine.setenv("CUDA_VISIBLE_DEVICES", "5")
    told = cards.unusable(0, "cuda:5")
    assert told.startswith("cuda:5 is not here: CUDA finds no such card")
    machine.setattr(torch.cuda, "device_count", lambda: 1)
    machine.setattr(torch, "ones", raising(NO_CODE))
    assert cards.unusable(0, "cuda:MIG-a1").startswith("cuda:MIG-a1 (Tesla V100, sm_70) is not")


def test_a_card_without_code_in_this_build_is_named_with_what_there_is(machine):
    machine.setattr(torch, "ones", raising(NO_CODE))
    told = cards.unusable(0)
    assert "cuda:0 (Tesla V100, sm_70) is not usable" in told
    assert "holds code for sm_75, sm_90; install a build of PyTorch with sm_70" in told


def test_another_fault_of_a_card_is_handed_on_in_a_line(machine):
    machine.setattr(torch.cuda, "get_device_capability", lambda number: (9, 0))
    machine.setattr(torch, "ones", raising("CUDA error: out of memory\nmore"))
    assert cards.unusable(0).endswith("is not usable: CUDA error: out of memory")
    machine.setattr(torch, "ones", lambda *_, device: torch.full((2,), 7.0))
    assert "the card or its driver is broken" in cards.unusable(0)
