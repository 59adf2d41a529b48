"""Executions are told apart by whatever is not alike in them."""

import pytest

from repro.records.executions import listed

HERE = {
    "device": "cpu", "device_name": "AMD EPYC", "instructions": "AVX2", "threads": 1,
    "torch": "2.11.0", "numpy": "2.3.5", "cuda": None, "compile": False, "tier": "exact",
}  # fmt: skip


@pytest.mark.parametrize(
    ("other", "here", "there"),
    [
        # Two processors of one name: AVX2 and AVX-512 sum in another order.
        ({"instructions": "AVX512"}, "instructions AVX2", "instructions AVX512"),
        ({"threads": 2, "numpy": "2.4.0"}, "threads 1, numpy 2.3.5", "threads 2, numpy 2.4.0"),
        ({"compile": True}, "no compile", "compile"),
        # What only one of them states.
        ({"checkpoint_activations": True}, "no checkpoint activations", "checkpoint activations"),
    ],
)
def test_what_is_not_alike_is_named_for_each(other, here, there):
    assert listed({"b": HERE | other, "a": HERE}) == (
        f"a (AMD EPYC, {here}, exact), b (AMD EPYC, {there}, exact)"
    )


def test_what_is_alike_is_not():
    card = HERE | {"device": "cuda", "device_name": "NVIDIA A100", "tier": "statistical"}
    told = "a (AMD EPYC, device cpu, exact), b (NVIDIA A100, device cuda, statistical)"
    assert listed({"a": HERE, "b": card}) == told
    assert listed({"a": HERE}) == "a (AMD EPYC, exact)"
