"""The published weights that systems start from: what they are, and where they come from.

Only hashes and revisions with a source are written down: DeiT's file names carry the first digits
of their SHA-256, which torch.hub checks; the hub's pages show the commits of timm's copies, and for
a commit the hub states the hash. Where there is neither, the first fetch needs --trust.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from repro.errors import unknown


@dataclass(frozen=True)
class Source:
    """An address of a file of weights; "" where no source states a hash or a revision.

    digits: the start of its SHA-256. hub, revision: the repository and its commit, for which the
    hub states the hash.
    """

    url: str
    digits: str = ""
    hub: str = ""
    revision: str = ""

    @property
    def file(self) -> str:
        """Return the file's name."""
        return urlsplit(self.url).path.rpartition("/")[2]

    @property
    def host(self) -> str:
        """Return who serves it."""
        return urlsplit(self.url).netloc

    @property
    def stated(self) -> bool:
        """Tell whether its hash is stated."""
        return bool(self.digits or self.revision)


@dataclass(frozen=True)
class Card:
    """What published weights are; sources in the order they are tried.

    shapes: some tensors by which the file is told from others. megabytes: as the hub prints it,
    None where no source states it.
    """

    title: str
    licence: str
    page: str
    sources: tuple[Source, ...]
    shapes: Mapping[str, tuple[int, ...]]
    megabytes: float | None = None

    def states(self, sha256: str) -> bool:
        """Tell whether a source states the start of this hash."""
        return any(s.digits and sha256.startswith(s.digits) for s in self.sources)


def _deit(
    title: str, model: str, digits: str, revision: str, width: int, side: int, megabytes: float
) -> Card:
    """Return the card of a distilled DeiT: Meta's file, then timm's copy on the hub."""
    hub = f"timm/{model}.fb_in1k"
    copy = f"https://huggingface.co/{hub}/resolve/{revision}/model.safetensors"
    return Card(
        title=title,
        licence="Apache-2.0",
        page="https://github.com/facebookresearch/deit",
        sources=(
            Source(f"https://dl.fbaipublicfiles.com/deit/{model}-{digits}.pth", digits),
            Source(copy, hub=hub, revision=revision),
        ),
        shapes={
            "dist_token": (1, 1, width),
            "pos_embed": (1, 2 + side * side, width),
            "patch_embed.proj.weight": (width, 3, 16, 16),
            "blocks.11.mlp.fc1.weight": (4 * width, width),
        },
        megabytes=megabytes,
    )


CARDS: dict[str, Card] = {
    "DeiT": _deit(
        "DeiT base distilled, patch 16, 384 (ImageNet)",
        "deit_base_distilled_patch16_384",
        "d0272ac0",
        "cb8f6fe63da08d7410513f9dac2f8a994eda0adc",
        width=768,
        side=24,
        megabytes=351,
    ),
    "DeiT-S": _deit(
        "DeiT small distilled, patch 16, 224 (ImageNet)",
        "deit_small_distilled_patch16_224",
        "649709d9",
        "4150668d0839f2da591b2fc5659764c796148243",
        width=384,
        side=14,
        megabytes=89.8,
    ),
    "DeiT-Ti": _deit(
        "DeiT tiny distilled, patch 16, 224 (ImageNet)",
        "deit_tiny_distilled_patch16_224",
        "b40b3cf7",
        "4decab5416aad52836ffd48b5b7e5cfb78641d8d",
        width=192,
        side=14,
        megabytes=23.7,
    ),
    "AST AudioSet": Card(
        title="AST base384, stride 10, full AudioSet, weights averaged (mAP 0.459)",
        licence="BSD-3-Clause",
        page="https://github.com/YuanGongND/ast",
        sources=(
            Source("https://www.dropbox.com/s/ca0b1v2nlxzyeb4/audioset_10_10_0.4593.pth?dl=1"),
            Source("https://www.dropbox.com/s/cv4knew8mvbrnvq/audioset_0.4593.pth?dl=1"),
        ),
        shapes={
            "v.dist_token": (1, 1, 768),
            "v.pos_embed": (1, 2 + 12 * 101, 768),
            "v.patch_embed.proj.weight": (768, 1, 16, 16),
            "v.blocks.11.mlp.fc1.weight": (3072, 768),
            "mlp_head.1.weight": (527, 768),
        },
    ),
    "HDemucs": Card(
        title="Hybrid Demucs, MUSDB-HQ, 44.1 kHz (torchaudio's HDEMUCS_HIGH_MUSDB)",
        licence="MIT (the Demucs repository, where it was trained; the file states none)",
        page="https://github.com/facebookresearch/demucs",
        sources=(
            Source("https://download.pytorch.org/torchaudio/models/hdemucs_high_musdbhq_only.pt"),
        ),
        shapes={
            "freq_encoder.0.conv.weight": (48, 4, 8, 1),
            "freq_emb.embedding.weight": (512, 48),
            "time_decoder.4.conv_tr.bias": (8,),
        },
    ),
}


def names() -> list[str]:
    """Return the names that `init` of a system may use."""
    return list(CARDS)


def card(name: str) -> Card:
    """Return what weights are; an unknown name is an error with the nearest valid one."""
    if name not in CARDS:
        raise unknown("weights", name, CARDS, "repro weights list; a file of yours lies in "
                      "extensions/weights/")  # fmt: skip
    return CARDS[name]
