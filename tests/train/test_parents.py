"""parents.read and parents.load, with files of the real names and shapes."""

import argparse
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from repro.errors import UserError
from repro.models import asm, ast_vit, gafx, m3net
from repro.train import parents
from repro.weights import statefile
from tests.published_states import state


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in two)


class Trap:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (os.mkdir, (self.path,))


@pytest.mark.parametrize("name", ["DeiT-Ti", "AST AudioSet", "HDemucs", "CLMR"])
@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("new", [True, False])
def test_a_published_file_is_read(name, wrapped, new, tmp_path):
    given = state(name)
    content = {"model": given} if wrapped else given
    torch.save(content, tmp_path / "x.pth", _use_new_zipfile_serialization=new)
    assert same(parents.read(tmp_path / "x.pth"), given)


def test_a_checkpoint_is_read_whatever_else_it_holds(tmp_path):
    given = state("CLMR")
    settings = {"hyper_parameters": argparse.Namespace(lr=1), "callbacks": {Trap: Trap("sprung")}}
    torch.save({"epoch": 3, **settings, "state_dict": given}, tmp_path / "x.ckpt")
    assert same(parents.read(tmp_path / "x.ckpt"), given)
    assert statefile.shapes(tmp_path / "x.ckpt") == {k: tuple(t.shape) for k, t in given.items()}
    assert not Path("sprung").exists()


def test_safetensors_are_read(tmp_path):
    given = {key: tensor.contiguous() for key, tensor in state("DeiT-Ti").items()}
    save_file(given, tmp_path / "model.safetensors")
    assert same(parents.read(tmp_path / "model.safetensors"), given)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_text("<html>sign in</html>"), "not a readable state dict"),
        (lambda path: path.touch(), "not a readable state dict"),
        (lambda path: path.write_bytes(b"\x02" + bytes(7) + b"{}"), "holds no state dict"),
        (lambda path: path.write_bytes(b"\x09" + bytes(7) + b"{"), "not a readable state dict"),
        (
            lambda path: torch.save({"x": Trap(path.parent / "sprung")}, path),
            "'x' in it is no tensor",
        ),
        (lambda path: torch.save([torch.zeros(1)], path), "holds no state dict"),
        (lambda path: torch.save({}, path), "holds no state dict"),
        (lambda path: torch.save({"epoch": 3}, path), "'epoch' in it is no tensor"),
        (lambda path: torch.save({"model": {"x": [1]}}, path), "'x' in it is no tensor"),
        (lambda path: None, "does not exist"),
    ],
)
def test_what_is_no_state_dict_is_refused_by_name_and_never_run(make, words, tmp_path):
    path = tmp_path / "x.pth"
    make(path)
    with pytest.raises(UserError, match=words) as caught:
        parents.read(path)
    assert caught.value.message.startswith(str(path))
    assert caught.value.next_step == "repro weights list"
    assert not (tmp_path / "sprung").exists()


def test_a_model_s_own_load_says_what_is_taken():
    model = ast_vit.build(10, (224, 224), size="tiny", fstride=16, tstride=16)
    said = parents.load(ast_vit, model, state("DeiT-Ti"), "DeiT-Ti")
    assert said[:2] == [
        "DeiT-Ti: loaded: 151 tensors of DeiT",
        "DeiT-Ti: patch_embed.proj.weight: RGB kernels summed",
    ]
    number = state("DeiT-Ti")["blocks.3.attn.proj.bias"]
    assert torch.equal(model.vit.blocks[3].attn.proj.bias, number)


def test_the_published_hybrid_demucs_fits_gafx():
    with torch.device("meta"):
        model = gafx.build(10, (2, 480000), extractor="unet", classifier="tiny")
    said = parents.load(gafx, model, state("HDemucs"), "HDemucs")
    assert said == ["HDemucs: Hybrid Demucs: loaded 397 tensors"]


def test_weights_that_do_not_fit_and_models_that_take_none_are_the_user_s_mistake():
    model = asm.build(5, (128, 128), width=8, depth=1, token_hidden=4, channel_hidden=32)
    with pytest.raises(UserError, match=r"of DeiT-Ti do not fit the model asm: .*192") as no:
        parents.load(asm, model, state("DeiT-Ti"), "DeiT-Ti")
    assert no.value.next_step
    with pytest.raises(UserError, match="the model m3net takes no weights, and so not those of De"):
        parents.load(m3net, model, state("DeiT-Ti"), "DeiT-Ti")
