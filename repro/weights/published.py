"""The published weights that systems start from: what they are, and where they come from.

Only hashes and revisions with a source are written down: DeiT's file names carry the first digits
of their SHA-256, which torch.hub checks; the hub's pages show the commits of timm's copies, and for
a commit the hub states the hash. Where there is neither, the first fetch needs --trust.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from repro.errors import unknown

SHA256 = 64  # hexadecimal digits


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

    There are none where no address has the file alone.
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


_PANNS = "https://zenodo.org/record/3987831/files/Cnn14_mAP%3D0.431.pth?download=1"
_PASST = "https://github.com/kkoutini/PaSST/releases/download/v0.0.1-audioset"
_FBSP = "https://github.com/AndreyGuzhov/ESResNeXt-fbsp/raw/master/assets"

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
    "CNN14": Card(
        title="CNN14 of PANNs, 32 kHz, AudioSet (mAP 0.431)",
        licence="CC BY 4.0 (the Zenodo record)",
        page="https://github.com/qiuqiangkong/audioset_tagging_cnn",
        sources=(Source(_PANNS),),
        shapes={
            "bn0.weight": (64,),
            "conv_block6.conv2.weight": (2048, 2048, 3, 3),
            "fc1.weight": (2048, 2048),
            "fc_audioset.weight": (527, 2048),
        },
        megabytes=327,
    ),
    "PaSST": Card(
        title="PaSST-S, strides 10, AudioSet, weights averaged (mAP 0.476)",
        licence="Apache-2.0",
        page="https://github.com/kkoutini/PaSST",
        sources=(Source(f"{_PASST}/passt-s-f128-p16-s10-ap.476-swa.pt"),),
        shapes={
            "freq_new_pos_embed": (1, 768, 12, 1),
            "time_new_pos_embed": (1, 768, 1, 99),
            "patch_embed.proj.weight": (768, 1, 16, 16),
            "blocks.11.mlp.fc1.weight": (3072, 768),
            "head.1.weight": (527, 768),
        },
    ),
    "ESResNeXt-fbsp": Card(
        title="ESResNeXt-fbsp with attention, ImageNet and AudioSet",
        licence="none stated",
        page="https://github.com/AndreyGuzhov/ESResNeXt-fbsp",
        # The repository's own pointer to its file states the whole hash.
        sources=(
            Source(
                f"{_FBSP}/ESResNeXtFBSP_AudioSet.pt",
                "502a5dcde1771cf6f3c636780a428575322f842ceb2efac5ed72b0f68b858afe",
            ),
        ),
        shapes={
            "fbsp.fc": (1025,),
            "layer4.2.conv3.weight": (2048, 1024, 1, 1),
            "att5.conv_depth.weight": (2048, 1, 3, 5),
            "fc.weight": (527, 2048),
        },
        megabytes=125,
    ),
    "HTS-AT": Card(
        title="HTS-AT, AudioSet (HTSAT_AudioSet_Saved_1.ckpt, in the folder that its page links)",
        licence="MIT",
        page="https://github.com/RetroCirce/HTS-Audio-Transformer",
        sources=(),
        shapes={
            "sed_model.bn0.weight": (64,),
            "sed_model.patch_embed.proj.weight": (96, 1, 4, 4),
            "sed_model.layers.3.blocks.1.mlp.fc1.weight": (3072, 768),
            "sed_model.tscam_conv.weight": (527, 768, 2, 3),
        },
    ),
    "CLMR": Card(
        title="CLMR's SampleCNN, MagnaTagATune, 10,000 epochs (in clmr_checkpoint_10000.zip)",
        licence="Apache-2.0",
        page="https://github.com/Spijkervet/CLMR",
        sources=(),
        shapes={
            "model.encoder.sequential.0.0.weight": (128, 1, 3),
            "model.encoder.sequential.9.0.weight": (512, 256, 3),
            "model.encoder.sequential.10.0.weight": (512, 512, 3),
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
