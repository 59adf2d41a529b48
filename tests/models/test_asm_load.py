"""What ASM, ASM-RH and AST take from published weights, under their real names and shapes.

DeiT's are timm's; AST's are timm's as AST's public code names and changes them. The oracles are
timm's own blocks, hand-made kernels and positions, and a copy of each model from before.
"""

import re
import zlib

import pytest
import timm
import torch
from torch import Tensor, nn

from repro.models import _deit, asm, asmrh, ast_vit

WIDTH, DEPTH = 16, 2
SMALL = {"width": WIDTH, "depth": DEPTH, "token_hidden": 12, "channel_hidden": 4 * WIDTH}
SHAPE = (512, 128)  # 12 x 50 patches
MIXERS = {"asm": asm, "asmrh": asmrh}


def deit(**changes: int) -> nn.Module:
    """Build timm's DeiT base distilled 384, in small unless told, every value drawn."""
    sizes = {"embed_dim": WIDTH, "depth": DEPTH, "num_heads": 2, **changes}
    model = timm.create_model("deit_base_distilled_patch16_384", pretrained=False, **sizes)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.normal_(std=0.5, generator=generator)
    return model.eval()


def published() -> dict[str, Tensor]:
    """Give the published DeiT's names and shapes one number a tensor: 1, 2, 3, ..."""
    with torch.device("meta"):
        model = timm.create_model("deit_base_distilled_patch16_384", pretrained=False)
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    return {name: torch.full(shape, float(n)) for n, (name, shape) in enumerate(shapes.items(), 1)}


def at_zero(module: object) -> nn.Module:
    """Build a model in real size with zeros everywhere, which takes no time."""
    with torch.device("meta"):
        model = module.build(35, SHAPE)
    model.to_empty(device="cpu")
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.zero_()
    return model


def as_ast(state: dict[str, Tensor], prefix: str = "module.") -> dict[str, Tensor]:
    """Name a DeiT's state as AST's code does: one channel, 12 x 101 positions, another head."""
    width = state["norm.weight"].shape[0]
    generator = torch.Generator().manual_seed(2)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    state = state | {
        "patch_embed.proj.weight": drawn(width, 1, 16, 16),
        "pos_embed": drawn(1, 2 + 12 * 101, width),
    }
    head = {
        "mlp_head.0.weight": drawn(width),
        "mlp_head.0.bias": drawn(width),
        "mlp_head.1.weight": drawn(527, width),
        "mlp_head.1.bias": drawn(527),
    }
    named = {f"v.{name}": tensor for name, tensor in state.items()} | head
    return {prefix + name: tensor for name, tensor in named.items()}


def seeded(model: nn.Module) -> nn.Module:
    """Fill every parameter as the runner does: one generator per name."""
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
            model.init_parameter(name, tensor, generator)
    return model.eval()


def mixer(name: str, shape: tuple[int, int] = SHAPE, **args: object) -> nn.Module:
    return seeded(MIXERS[name].build(5, shape, **{**SMALL, **args}))


def copied(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.named_parameters()}


def changed(model: nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}


def parts(line: str) -> set[str]:
    """Return the groups that a line names, blocks written out, without what is said of them."""
    found = set()
    for group in re.sub(r" \([^()]*\)", "", line).split(": ")[-1].split(", "):
        span = re.fullmatch(r"blocks\.(\d+)-(\d+)\.(.+)", group)
        numbers = range(int(span[1]), int(span[2]) + 1) if span else ()
        found |= {f"blocks.{n}.{span[3]}" for n in numbers} if span else {group}
    return found


def groups(names: object) -> set[str]:
    return {re.sub(r"\.(weight|bias)$", "", name) for name in names}


BLOCKS = ("channel.norm", "channel.mlp.fc1", "channel.mlp.fc2")


# --- real size ------------------------------------------------------------------------------------


def test_asm_takes_its_part_of_the_published_deit():
    state = published()
    assert len(state) == 155
    model = at_zero(asm)
    said = asm.load(model, {"model": state})
    assert said == [
        "loaded: 79 tensors of DeiT: cls_token, dist_token, position (rows 24 -> 12 cut, columns "
        "24 -> 50 interpolated), patches.proj (RGB kernels joined as 0.299 R + 0.587 G + 0.114 B), "
        "blocks.0-11.channel.norm, blocks.0-11.channel.mlp.fc1, blocks.0-11.channel.mlp.fc2, norm",
        "not loaded: blocks.0-11.token.norm, blocks.0-11.token.mlp.fc1, blocks.0-11.token.mlp.fc2 "
        "(they stand in the place of attention)",
        "not loaded: head.norm, head.linear (the head is new)",
        "not used: blocks.0-11.norm1, blocks.0-11.attn.qkv, blocks.0-11.attn.proj, head, head_dist",
    ]
    filled = {name: p for name, p in model.named_parameters() if p.any()}
    assert groups(filled) == parts(said[0])
    assert len(filled) == 79
    for name, theirs in {
        "position": "pos_embed",
        "cls_token": "cls_token",
        "dist_token": "dist_token",
        "patches.proj.weight": "patch_embed.proj.weight",  # all colours alike: the same grey
        "patches.proj.bias": "patch_embed.proj.bias",
        "blocks.0.channel.norm.weight": "blocks.0.norm2.weight",
        "blocks.11.channel.norm.bias": "blocks.11.norm2.bias",
        "blocks.7.channel.mlp.fc1.weight": "blocks.7.mlp.fc1.weight",
        "blocks.11.channel.mlp.fc2.bias": "blocks.11.mlp.fc2.bias",
        "norm.weight": "norm.weight",
    }.items():
        number = state[theirs].flatten()[0].expand(filled[name].shape)
        torch.testing.assert_close(filled[name].detach(), number, msg=name)


def test_asm_rh_takes_its_part_of_the_published_ast():
    state = as_ast(published())
    assert state["module.v.pos_embed"].shape == (1, 1214, 768)
    model = at_zero(asmrh)
    said = asmrh.load(model, state)
    assert said[0] == (
        "loaded: 76 tensors of AST: patches.proj, blocks.0-11.channel.norm, "
        "blocks.0-11.channel.mlp.fc1, blocks.0-11.channel.mlp.fc2, norm"
    )
    assert said[3] == (
        "not used: cls_token, pos_embed, dist_token, blocks.0-11.norm1, blocks.0-11.attn.qkv, "
        "blocks.0-11.attn.proj, head, head_dist, mlp_head.0, mlp_head.1"
    )
    assert groups(n for n, p in model.named_parameters() if p.any()) == parts(said[0])
    kernels = state["module.v.patch_embed.proj.weight"]
    assert torch.equal(model.patches.proj.weight, kernels)  # one channel: as it is


# --- what goes where ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MIXERS)
@pytest.mark.parametrize("of", ["DeiT", "AST"])
def test_every_tensor_of_both_sides_is_named_once(name, of):
    state = deit().state_dict() if of == "DeiT" else as_ast(deit().state_dict())
    model = mixer(name)
    before = copied(model)
    loaded, *left, unused = MIXERS[name].load(model, state)
    rest = set().union(*map(parts, left))
    assert parts(loaded) | rest == groups(before)
    assert not parts(loaded) & rest
    assert changed(model, before) == {n for n in before if groups([n]) <= parts(loaded)}
    extra = {"cls_token", "dist_token", "pos_embed"} if name == "asmrh" else set()
    attention = {f"blocks.{b}.{n}" for b in (0, 1) for n in ("norm1", "attn.qkv", "attn.proj")}
    heads = {"head", "head_dist"} | ({"mlp_head.0", "mlp_head.1"} if of == "AST" else set())
    assert parts(unused) == extra | attention | heads


def test_channel_mixing_does_what_deit_s_mlp_does():
    source, model = deit(), mixer("asm")
    asm.load(model, source.state_dict())
    x = torch.randn(2, 602, WIDTH)
    for block, theirs in zip(model.blocks, source.blocks, strict=True):
        torch.testing.assert_close(block.channel(x), x + theirs.mlp(theirs.norm2(x)))
    torch.testing.assert_close(model.norm(x), source.norm(x))


def test_grey_kernels_by_hand():
    state = deit().state_dict()
    kernels = torch.empty(WIDTH, 3, 16, 16)
    kernels[:, 0], kernels[:, 1], kernels[:, 2] = 1.0, 10.0, 100.0
    kernels[3, :, 2, 5] = torch.tensor([1.0, 2.0, -1.0])
    model = mixer("asmrh")
    asmrh.load(model, state | {"patch_embed.proj.weight": kernels})
    expected = torch.full((WIDTH, 1, 16, 16), 17.569)  # 0.299 + 5.87 + 11.4
    expected[3, 0, 2, 5] = 1.359  # 0.299 + 1.174 - 0.114
    torch.testing.assert_close(model.patches.proj.weight, nn.Parameter(expected))
    assert torch.equal(model.patches.proj.bias, state["patch_embed.proj.bias"])


def test_a_grey_image_gives_what_deit_s_own_projection_gives():
    source, model = deit(), mixer("asm")
    asm.load(model, source.state_dict())
    x = torch.randn(1, *SHAPE)
    three = torch.stack([part * x.transpose(1, 2) for part in (0.299, 0.587, 0.114)], dim=1)
    proj = source.patch_embed.proj
    theirs = nn.functional.conv2d(three, proj.weight, proj.bias, stride=10)
    theirs = theirs.flatten(2).transpose(1, 2)
    torch.testing.assert_close(model.patches(x), theirs, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("of", ["DeiT", "AST"])
@pytest.mark.parametrize("frames", [128, 512, 1024, 1100])
def test_position_and_tokens_are_those_that_ast_gets(of, frames):
    state = deit().state_dict() if of == "DeiT" else as_ast(deit().state_dict())
    model = mixer("asm", (frames, 128))
    ast = ast_vit.build(5, (frames, 128), width=WIDTH, depth=DEPTH, heads=2)
    asm.load(model, state)
    ast_vit.load(ast, state)
    assert torch.equal(model.position, ast.vit.pos_embed)
    assert torch.equal(model.cls_token, ast.vit.cls_token)
    assert torch.equal(model.dist_token, ast.vit.dist_token)


def test_ast_s_positions_are_cut_from_the_middle_by_hand():
    numbered = torch.tensor([-1.0, -2.0, *(1000.0 * r + c for r in range(12) for c in range(101))])
    embedding = numbered.reshape(1, -1, 1).expand(-1, -1, WIDTH)
    model = mixer("asm")
    said = asm.load(model, as_ast(deit().state_dict()) | {"module.v.pos_embed": embedding})
    assert "position (rows 12 kept, columns 101 -> 50 cut)" in said[0]
    expected = [-1, -2, *(1000 * r + 25 + c for r in range(12) for c in range(50))]  # 50 - 50 // 2
    assert model.position[0, :, 7].tolist() == expected


def test_the_grid_of_audioset_is_taken_as_it_is():
    state = as_ast(deit().state_dict())
    model = mixer("asm", (1024, 128))
    said = asm.load(model, state)
    assert "position, patches.proj, blocks" in said[0]  # nothing was done to them
    assert torch.equal(model.position, state["module.v.pos_embed"])


def test_names_without_module_are_ast_s_too():
    one, two = mixer("asmrh"), mixer("asmrh")
    asmrh.load(one, as_ast(deit().state_dict()))
    asmrh.load(two, as_ast(deit().state_dict(), prefix=""))
    assert not changed(one, copied(two))


# --- other sizes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MIXERS)
def test_another_hidden_size_leaves_the_mlps_at_random(name):
    model = mixer(name, channel_hidden=WIDTH)
    before = copied(model)
    said = MIXERS[name].load(model, deit().state_dict())
    assert said[2] == (
        "not loaded: blocks.0-1.channel.mlp.fc1, blocks.0-1.channel.mlp.fc2 "
        "(their hidden size is another)"
    )
    assert {"blocks.0.mlp.fc1", "blocks.1.mlp.fc2"} <= parts(said[-1])
    assert not any(".mlp." in n for n in changed(model, before))
    assert "blocks.1.channel.norm.weight" in changed(model, before)


def test_a_shallower_model_takes_the_first_blocks():
    source, model = deit(depth=3), mixer("asm")
    said = asm.load(model, source.state_dict())
    fc1 = source.blocks[1].mlp.fc1.weight
    assert torch.equal(model.blocks[1].channel.mlp.fc1.weight, fc1)
    assert "blocks.2-2.norm2" in said[-1]


def test_without_extra_tokens_theirs_are_not_used():
    model = mixer("asm", tokens="none")
    said = asm.load(model, deit().state_dict())
    assert {"cls_token", "dist_token", "pos_embed"} <= parts(said[-1])


@pytest.mark.parametrize("name", MIXERS)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"norm.bias": None}, "the weights lack norm.bias: not those of a distilled DeiT"),
        ({"blocks.1.mlp.fc2.bias": None}, "the weights lack blocks.1.mlp.fc2.bias"),
        ({"norm.weight": torch.zeros(9)}, r"norm.weight is \(9,\) in the weights, \(16,\) in"),
        ({"blocks.1.mlp.fc1.weight": torch.zeros(64, 9)}, r"mlp.fc1.weight is \(64, 9\) in the we"),
        ({"patch_embed.proj.weight": torch.zeros(16, 2, 16, 16)}, r"\(16, 2, 16, 16\) in the w"),
        ({"patch_embed.proj.weight": torch.zeros(16, 3, 8, 8)}, r"\(16, 1, 8, 8\) in the weights"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(name, change, words):
    model = mixer(name)
    before = copied(model)
    state = {k: v for k, v in {**deit().state_dict(), **change}.items() if v is not None}
    with pytest.raises(ValueError, match=words):
        MIXERS[name].load(model, state)
    assert not changed(model, before)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (deit(depth=1).state_dict, "lack blocks.1.norm2.weight"),
        (deit(embed_dim=32).state_dict, r"cls_token is \(1, 1, 32\) in the weights"),
        (lambda: {"x": torch.zeros(1)}, "not those of a distilled DeiT"),
        (lambda: as_ast(deit(depth=1).state_dict()), "lack blocks.1.* not those of AST"),
        (
            lambda: as_ast(deit().state_dict()) | {"module.v.pos_embed": torch.zeros(1, 579, 16)},
            "is not that of 12 rows of patches and two tokens",
        ),
        (
            lambda: as_ast(deit().state_dict()) | {"module.v.pos_embed": torch.zeros(1214, 16)},
            "is not that of 12 rows",
        ),
    ],
)
def test_weights_of_another_model_are_refused(state, words):
    model = mixer("asm")
    before = copied(model)
    with pytest.raises(ValueError, match=words):
        asm.load(model, state())
    assert not changed(model, before)


# --- AST ------------------------------------------------------------------------------------------


def test_ast_takes_a_public_ast():
    state = as_ast(deit().state_dict())
    model = seeded(ast_vit.build(5, (1024, 128), width=WIDTH, depth=DEPTH, heads=2))
    head = copied(model.head)
    said = ast_vit.load(model, state)
    assert said[0] == "loaded: 31 tensors of AST"
    assert "mlp_head.0.weight" in said[1]
    assert not changed(model.head, head)
    for name, tensor in model.vit.named_parameters():
        assert torch.equal(tensor, state[f"module.v.{name}"]), name


def test_ast_s_own_grid_is_found_from_its_positions():
    found = _deit.weights(as_ast(deit().state_dict()))
    assert (found.of, found.grid) == ("AST", (12, 101))
    assert _deit.weights(deit().state_dict()).grid is None
