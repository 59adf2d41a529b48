"""PaSST against its sizes and against hear21passt on the same weights; what patchout leaves."""

import pytest
import torch

from repro.models import passt
from tests.models.rivals.parts import close, noise, oracle, randomised


@pytest.mark.parametrize(
    ("frames", "classes", "count"),
    [(998, 50, 85_420_132), (500, 50, 85_382_500), (998, 527, 86_154_000)],
)
def test_counts(frames, classes, count):
    with torch.device("meta"):
        model = passt.build(classes, (frames, 128))
    blocks = 12 * (12 * 768 * 768 + 13 * 768)
    rest = 768 * 257 + 4 * 768 + 768 * (12 + frames // 10) + 4 * 768
    theirs = passt.counts(model)["with_unused_heads"]
    assert theirs == blocks + rest + 2 * 769 * classes
    assert theirs == count if classes == 50 else round(theirs, -3) == count
    assert model.eval()(torch.empty(2, frames, 128, device="meta")).shape == (2, classes)


@pytest.mark.filterwarnings("ignore:Input image size")
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("frames", [998, 250])  # 250: 24 patches, positions for 25
def test_the_public_network_gives_the_same_on_the_same_weights(frames, kind):
    public = oracle("hear21passt", "models.passt", {}).PaSST(
        img_size=(128, 998), stride=(10, 10), num_classes=5, embed_dim=24, depth=2, num_heads=3,
        distilled=True, s_patchout_t=4, s_patchout_f=2,
    )  # fmt: skip
    public = randomised(public.to(kind))
    model = passt.build(5, (frames, 128), width=24, depth=2, heads=3).to(kind).eval()
    said = passt.load(model, public.state_dict())
    assert said[0] == "loaded: 33 tensors of PaSST"
    assert (said[1] == "time_new_pos_embed: columns 99 -> 25 cut") == (frames == 250)
    assert "head_dist" in said[-2]
    model.head.norm.load_state_dict(public.head[0].state_dict())
    model.head.linear.load_state_dict(public.head[1].state_dict())
    x = noise(2, frames, 128).to(kind)
    close(model(x), public(x.transpose(1, 2)[:, None])[0])


def test_patchout_leaves_so_many_in_their_order():
    x = torch.arange(30.0).view(1, 1, 3, 10)
    seen = set()
    for _ in range(200):
        kept = passt.without(x, 3, 4)
        assert kept.shape == (1, 1, 3, 6)
        assert kept[0, 0, 0].diff().min() > 0
        assert torch.equal(
            (kept - kept[:, :, :1])[0, 0], torch.arange(3.0)[:, None].expand(3, 6) * 10
        )
        seen |= set(kept[0, 0, 0].tolist())
    assert seen == set(range(10))
    assert passt.without(x, 3, 0) is x


def test_weights_of_another_network_are_refused():
    model = passt.build(5, (64, 64), width=24, depth=1, heads=3, drop_rows=0, drop_columns=0)
    with pytest.raises(ValueError, match="patch_embed"):
        passt.load(model, {"cls_token": torch.zeros(1, 1, 24)})
