"""Digests tell weights apart, initial weights depend on names alone, the execution is described."""

import hashlib

import pytest
import torch
from torch import nn

from repro import identity
from repro.train import determinism


class Model(nn.Module):
    """Two layers; `extra` adds one between them, and with it another order of parameters."""

    def __init__(self, extra: bool = False) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        if extra:
            self.extra = nn.Linear(4, 4)
        self.last = nn.Linear(4, 4)

    def init_parameter(self, name, tensor, generator):
        nn.init.normal_(tensor, generator=generator)


def initial(*parts, extra=False):
    model = Model(extra)
    determinism.initialise(model, *parts)
    return model.state_dict()


def test_a_digest_is_sha256_over_names_types_shapes_and_bytes():
    state = {"b": torch.tensor([1.0, 2.0]), "a": torch.tensor(3, dtype=torch.int64)}
    text = b"a torch.int64 ()\n" + state["a"].numpy().tobytes()
    text += b"b torch.float32 (2,)\n" + state["b"].numpy().tobytes()
    assert determinism.weight_digest(state) == hashlib.sha256(text).hexdigest()[:16]


@pytest.mark.parametrize(
    "other",
    [
        {"a": torch.tensor([1.0, 2.0000002])},
        {"b": torch.tensor([1.0, 2.0])},
        {"a": torch.tensor([[1.0, 2.0]])},
        {"a": torch.tensor([1.0, 2.0], dtype=torch.float64)},
        {"a": torch.tensor([1.0, 2.0]), "b": torch.empty(0)},
        {"a": torch.tensor([1.0, 2.0]).bfloat16()},
    ],
)
def test_whatever_differs_changes_the_digest(other):
    one = {"a": torch.tensor([1.0, 2.0])}
    assert determinism.weight_digest(one) == determinism.weight_digest({"a": one["a"].clone()})
    assert determinism.weight_digest(one) != determinism.weight_digest(other)


def test_a_digest_does_not_hang_on_how_a_tensor_lies_in_memory():
    tensor = torch.arange(6.0).view(2, 3)
    turned = tensor.t().contiguous().t()
    assert turned.stride() != tensor.stride()
    assert determinism.weight_digest({"a": tensor}) == determinism.weight_digest({"a": turned})


def test_weights_start_from_parts_and_names_alone():
    one, again, extra = initial(0, "esc50"), initial(0, "esc50"), initial(0, "esc50", extra=True)
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert all(torch.equal(one[name], extra[name]) for name in one)
    assert not torch.equal(one["first.weight"], one["last.weight"])
    for other in (initial(1, "esc50"), initial(0, "gtzan")):
        assert not any(torch.equal(one[name], other[name]) for name in one)


def test_initial_weights_leave_torchs_own_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    model = Model()
    torch.manual_seed(5)
    determinism.initialise(model, 0)
    assert torch.equal(torch.rand(3), expected)


def test_an_execution_is_plain_data_and_names_what_decides_the_bits():
    described = determinism.execution("cpu", 2)
    assert described["torch"] == torch.__version__
    assert described["threads"] == 2
    assert described["device"] == "cpu"
    assert described["device_name"]
    assert identity.execution_id(described) == identity.execution_id(dict(described))
    more = determinism.execution("cpu", 3)
    assert identity.execution_id(described) != identity.execution_id(more)


def test_a_device_that_is_not_here_is_refused_with_a_reason():
    assert determinism.check_device("cpu") is None
    assert "cuda:99 is not" in determinism.check_device("cuda:99")


def test_a_device_without_a_promise_of_equal_bits_is_refused():
    assert "mps is refused: PyTorch promises no equal bits" in determinism.check_device("mps")


def test_a_device_that_does_not_exist_is_named():
    assert "'tpu9'" in determinism.check_device("tpu9")
