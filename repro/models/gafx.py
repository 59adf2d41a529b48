"""General Audio Feature Extractor (GAFX, section 3): a learnt extractor, then AST as classifier.

Waveforms (B, channels, samples) become a map (B, steps, features), which AST (`ast_vit.py`) reads
as it would a spectrogram. With classifier = "none" the map itself is the output (AudioSet
pretraining, section 4.2.3): logits (B, 1024, 128) against a spectrogram scaled to [0, 1].

GAFX-U (extractor = "unet"): torchaudio's Hybrid Demucs, of which the spectra and waveforms of the
four sources are taken before it adds them. The spectra of the waveforms join the spectra:
    (B, 2, 480000) -> (B, 4, 2, 2048, 469) -> four maps of 469 x 2048 -> (B, 1876, 2048)
    -> (B, 1876, 128), each feature the mean of 16 bins.

GAFX-R ("resnet"): rows of 200 samples through a ResNet of five layers with the strides of Table 2:
    (B, 1, 661600) -> (B, 1, 3308, 200) -> (B, 128, 3308, 4) -> mean -> (B, 3308, 128).

GAFX-A ("attention"): the same ResNet, then transformer blocks over the 3308 steps; with
attention_order = "attention-first" the blocks act on the rows of 200 samples, before the ResNet.

Readings (the paper contradicts itself or Hybrid Demucs): "STFT with 512 FFT length" gives 257 bins,
which cannot be added to 2048; Hybrid Demucs's own 4096 with hop 1024, without the Nyquist bin,
gives the printed 469 x 2048. Its decoder gives two channels, real and imaginary parts, for each
source: `map` says how they become one. "16 groups" are 16 bins a group in the printed shape.

Deviations:
    Hybrid Demucs pads by reflection and has torch.stft pad too; neither has a deterministic CUDA
    kernel. `spectrum` pads by slices and has the same values: the second padding is cut off again.
    Table 1 prints one number for two branches: `layers` gives both (first spectral input 4, last
    temporal output 8 of the module, not 2 and 16).
    Hybrid Demucs has 1,536 parameters that nothing reads, a norm where its branches meet; they
    count in its 83,639,368.
    Of GAFX-R the paper gives channels, strides and ResNet-18's block. Kernels of the first
    convolution (7) and of the pooling (3) are ResNet-18's, with batch norm and ReLU. A demo with
    fewer channels keeps the 128 of the last layer, which are the features. In the pretraining they
    are logits, and the last ReLU, which would keep their sigmoid at 0.5 or more, is left out.
    Of GAFX-A's attention nothing is given: DeiT's blocks (norm first, hidden size four times the
    width, GELU), no position embedding. The mean over the last dimension comes before them.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torchaudio.models import HDemucs

from repro.models import ast_vit
from repro.models.asm import check_arguments
from repro.models.eat import reflect

VERSION = 2
BATCH_NORM = True  # results depend on how many clips go through at once

SOURCES = ["drums", "bass", "other", "vocals"]  # in the order of the published weights
NFFT, HOP = 4096, 1024  # of Hybrid Demucs
BINS = NFFT // 2  # without Nyquist
MEETING = 5  # the level at which its branches become one
ROW = 200  # samples that make one step of GAFX-R and GAFX-A
FEATURES = 128  # of GAFX-R and GAFX-A, at each step
TARGET_STEPS = 1024  # of the pretraining's spectrogram

CHOICES: dict[str, tuple[Any, ...]] = {
    "extractor": ("resnet", "unet", "attention"),
    "map": ("magnitude", "real"),
    "concat": ("time", "frequency"),
    "layout": ("transpose", "reshape"),
    "attention_order": ("cnn-first", "attention-first"),
    "classifier": ("small", "tiny", "none"),
    "target": ("spectrogram",),
    "map_scale": ("raw", "standard"),
    "target_scale": ("clip", "set"),
    "rgb": ast_vit.CHOICES["rgb"],
}
# Arguments that only some values of another one have a use for.
ONLY = {
    **dict.fromkeys(("levels", "map", "concat", "groups", "frozen"), ("extractor", ("unet",))),
    "layout": ("extractor", ("resnet",)),
    **dict.fromkeys(
        ("attention_layers", "attention_heads", "attention_order"), ("extractor", ("attention",))
    ),
    **dict.fromkeys(
        ("fstride", "tstride", "rgb", "width", "depth", "heads"), ("classifier", ("small", "tiny"))
    ),
    **dict.fromkeys(("target", "target_scale"), ("classifier", ("none",))),
}


def build(classes: int, input_shape: tuple[int, ...], **args: Any) -> "GAFX":
    """Build GAFX for waveforms (channels, samples) of `input_shape`; ValueError if impossible."""
    check_arguments(GAFX, args, CHOICES)
    chosen = {"extractor": "resnet", "classifier": "small", **args}
    for name in args:
        of, values = ONLY.get(name, ("extractor", CHOICES["extractor"]))
        if chosen[of] not in values:
            raise ValueError(f"{name} has no use with {of} = {chosen[of]!r}")
    return GAFX(classes, input_shape, **args)


def standard(x: Tensor) -> Tensor:
    """Scale maps (B, steps, features) to mean 0 and deviation 0.5 in each clip."""
    centred = x - x.mean(dim=(1, 2), keepdim=True)
    deviation = centred.square().mean(dim=(1, 2), keepdim=True).sqrt()
    return centred / (2 * deviation + 1e-5)


class GAFX(nn.Module):
    """Classify waveforms by an extractor and AST; the module docstring explains the readings.

    channels: of the first layer; 48 in GAFX-U and 64 in the others unless given.
    map_scale: "standard" gives each clip's map mean 0 and deviation 0.5 before AST reads it.
    width, depth, heads: of the classifier; DeiT's own unless given.
    """

    def __init__(
        self,
        classes: int,
        input_shape: tuple[int, ...],
        extractor: str = "resnet",
        channels: int = 0,
        levels: int = 6,
        map: str = "magnitude",
        concat: str = "time",
        groups: int = 128,
        frozen: bool = False,
        layout: str = "transpose",
        attention_layers: int = 2,
        attention_heads: int = 4,
        attention_order: str = "cnn-first",
        classifier: str = "small",
        target: str = "spectrogram",
        target_scale: str = "clip",
        map_scale: str = "raw",
        fstride: int = 16,
        tstride: int = 16,
        rgb: str = "mean",
        width: int = 0,
        depth: int = 0,
        heads: int = 0,
    ) -> None:
        super().__init__()
        self.input_shape = tuple(input_shape)
        self.target, self.target_scale, self.map_scale = target, target_scale, map_scale
        if extractor == "unet":
            self.extractor = UNetExtractor(
                self.input_shape, channels or 48, levels, map, concat, groups, frozen
            )
        elif extractor == "resnet":
            self.extractor = ResNetExtractor(
                self.input_shape, channels or 64, layout, classifier == "none"
            )
        else:
            self.extractor = AttentionExtractor(
                self.input_shape,
                channels or 64,
                attention_layers,
                attention_heads,
                attention_order == "attention-first",
            )
        self.classifier = None
        if classifier != "none":
            shape = self.extractor.output_shape
            strides = (fstride, tstride)
            self.classifier = ast_vit.AST(
                classes, shape, classifier, *strides, rgb, width, depth, heads
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits for waveforms (B, channels, samples).

        (B, classes), or without a classifier the first 1024 steps of the map (B, steps, features).
        """
        if tuple(x.shape[1:]) != self.input_shape:
            raise ValueError(
                f"input (channels, samples) is {tuple(x.shape[1:])}; "
                f"the model was built for {self.input_shape}"
            )
        x = self.extractor(x)  # (B, steps, features)
        if self.classifier is None:
            return x[:, :TARGET_STEPS]
        return self.classifier(standard(x) if self.map_scale == "standard" else x)

    @property
    def target_shape(self) -> tuple[int, int, int] | None:
        """Steps, features and samples a step of the spectrogram to learn; None if there is none."""
        if self.classifier is not None:
            return None
        steps, features = self.extractor.output_shape
        return min(steps, TARGET_STEPS), features, ROW

    @torch.no_grad()
    def targets(self, spectrograms: Tensor, limits: tuple[float, float] | None = None) -> Tensor:
        """Scale spectrograms (B, steps, 128) to [0, 1] as targets of the pretraining.

        From each clip's smallest to its largest value, or where target_scale is "set" from the
        smallest to the largest of the training set, `limits`. What has no spread becomes 0.
        """
        x = spectrograms[:, :TARGET_STEPS]
        if self.target_scale == "clip":
            low, high = x.amin(dim=(1, 2), keepdim=True), x.amax(dim=(1, 2), keepdim=True)
        elif limits is not None:
            low, high = (x.new_tensor(limit) for limit in limits)
        else:
            raise ValueError("target_scale = 'set' needs the limits of the training set")
        spread = high - low
        return torch.where(spread > 0, (x - low) / spread, 0.0).clamp(0, 1)

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one named parameter in place, by the conventions of the part that it belongs to."""
        if not name.startswith("extractor.network."):
            ast_vit.initialise(name, tensor, generator)
        elif isinstance(self.extractor, UNetExtractor):
            initialise_unet(self.get_submodule(name.rpartition(".")[0]), name, tensor, generator)
        else:
            initialise_resnet(name, tensor, generator)


# --- GAFX-U ---------------------------------------------------------------------------------------


class UNetExtractor(nn.Module):
    """Turn stereo waveforms into a map by Hybrid Demucs (section 3.1.1)."""

    def __init__(
        self,
        input_shape: tuple[int, ...],
        channels: int,
        levels: int,
        map: str,
        concat: str,
        groups: int,
        frozen: bool,
    ) -> None:
        super().__init__()
        samples = check_waveform(input_shape, 2, "unet")
        steps = -(-samples // HOP)
        if samples <= HOP * 3 // 2 + steps * HOP - samples:
            raise ValueError(f"{samples} samples are too few to be padded by reflection")
        bins = BINS if concat == "time" else len(SOURCES) * BINS
        if bins % groups:
            raise ValueError(f"groups = {groups} does not divide the {bins} frequency bins")
        if levels < MEETING:
            raise ValueError(f"levels = {levels} is less than {MEETING}, where the branches meet")
        if channels < 4:
            raise ValueError(f"channels = {channels} is less than 4, to which its branches divide")
        self.map, self.concat, self.groups = map, concat, groups
        self.output_shape = (len(SOURCES) * steps if concat == "time" else steps, groups)
        self.network = DualUNet(SOURCES, nfft=NFFT, depth=levels, channels=channels)
        self.network.requires_grad_(not frozen)

    def forward(self, x: Tensor) -> Tensor:
        """Return a map (B, steps, features) for waveforms (B, 2, samples)."""
        spectra, waveforms = self.network(x)
        both = spectra + self.network.spectrum(waveforms)  # (B, 4, 2, 2048, T) complex
        if self.map == "magnitude":
            maps = both.abs().mean(dim=2)  # (B, 4, 2048, T)
        else:
            maps = torch.view_as_real(both).mean(dim=(2, 5))  # (B, 4, 2048, T)
        if self.concat == "time":
            x = maps.transpose(2, 3).flatten(1, 2)  # (B, 4 * T, 2048)
        else:
            x = maps.flatten(1, 2).transpose(1, 2)  # (B, T, 4 * 2048)
        return x.unflatten(2, (self.groups, -1)).mean(dim=3)  # (B, steps, groups)


class DualUNet(HDemucs):
    """Run Hybrid Demucs up to its last sum, which joins the two branches."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.register_buffer("window", torch.hann_window(NFFT), persistent=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Separate waveforms (B, 2, samples) into spectra and waveforms of the sources.

        Returns the spectra (B, 4, 2, 2048, T), complex, and the waveforms (B, 4, 2, samples).
        torchaudio's output is the sum of the second and the first's inverse transform.
        """
        parts = torch.view_as_real(self.spectrum(x))  # (B, 2, 2048, T, 2)
        maps = parts.permute(0, 1, 4, 2, 3).flatten(1, 2)  # (B, 4, 2048, T): re, im of each channel
        f, f_mean, f_std = standardise(maps)
        t, t_mean, t_std = standardise(x)
        f, t = self.decode(*self.encode(f, t))  # (B, 16, 2048, T), (B, 8, samples)
        f, t = f * f_std + f_mean, t * t_std + t_mean
        f = f.unflatten(1, (len(SOURCES), 2, 2)).permute(0, 1, 2, 4, 5, 3)  # (B, 4, 2, 2048, T, 2)
        spectra = torch.view_as_complex(f.contiguous())
        return spectra, t.unflatten(1, (len(SOURCES), 2))

    def encode(self, f: Tensor, t: Tensor) -> tuple[list[Tensor], list[Tensor], list[int]]:
        """Run both encoders; return what they leave to the decoders.

        The outputs of the spectral layers, those of the temporal layers above the meeting, and the
        lengths of the temporal layers' inputs.
        """
        f_kept, t_kept, lengths = [], [], []
        for index, layer in enumerate(self.freq_encoder):
            met = None
            if index < len(self.time_encoder):
                lengths.append(t.shape[-1])
                t = self.time_encoder[index](t)  # (B, C, samples / 4 ** (index + 1))
                if self.time_encoder[index].empty:
                    met = t  # the temporal branch ends here, in the spectral one
                else:
                    t_kept.append(t)
            f = layer(f, met)  # (B, C, 2048 / 4 ** (index + 1), T), at last (B, C, T / 2)
            if index == 0:
                bins = torch.arange(f.shape[2], device=f.device)
                f = f + self.freq_emb_scale * self.freq_emb(bins).T[:, :, None]
            f_kept.append(f)
        return f_kept, t_kept, lengths

    def decode(
        self, f_kept: list[Tensor], t_kept: list[Tensor], lengths: list[int]
    ) -> tuple[Tensor, Tensor]:
        """Run both decoders from zeros; all signal comes over the skip connections."""
        f = torch.zeros_like(f_kept[-1])
        t = f
        first = len(self.freq_decoder) - len(self.time_decoder)
        widths = [f_kept[0].shape[-1], *(kept.shape[-1] for kept in f_kept[:-1])]  # of the inputs
        for index, layer in enumerate(self.freq_decoder):
            level = len(f_kept) - 1 - index
            f, before = layer(f, f_kept[level], widths[level])
            if index < first:
                continue
            temporal = self.time_decoder[index - first]
            if temporal.empty:
                t, _ = temporal(before[:, :, 0], None, lengths[level])  # the branches part
            else:
                t, _ = temporal(t, t_kept[level], lengths[level])
        return f, t

    def spectrum(self, x: Tensor) -> Tensor:
        """Return the spectra (..., 2048, T), complex, of (..., samples); T = samples / 1024 up."""
        samples, pad = x.shape[-1], HOP * 3 // 2
        steps = -(-samples // HOP)
        x = reflect(x, pad, pad + steps * HOP - samples)
        frames = x.unfold(-1, NFFT, HOP) * self.window  # (..., T, 4096)
        return torch.fft.rfft(frames)[..., :-1].transpose(-1, -2) * NFFT**-0.5


def standardise(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Bring each of a batch to mean 0 and deviation 1; silence stays 0. Also return both."""
    dims = tuple(range(1, x.ndim))
    mean, std = x.mean(dims, keepdim=True), x.std(dims, keepdim=True)
    return (x - mean) / (1e-5 + std), mean, std


# --- GAFX-R and GAFX-A ----------------------------------------------------------------------------


class ResNetExtractor(nn.Module):
    """Turn waveforms into a map by a ResNet over rows of 200 samples (section 3.1.2)."""

    def __init__(
        self, input_shape: tuple[int, ...], channels: int, layout: str, logits: bool
    ) -> None:
        super().__init__()
        self.steps = count_rows(input_shape, "resnet")
        self.output_shape = (self.steps, FEATURES)
        self.layout = layout
        self.network = ResNet(channels)
        # As logits the features must be able to fall below 0.
        self.network.layers[-1][-1].rectify = not logits

    def forward(self, x: Tensor) -> Tensor:
        """Return a map (B, steps, 128) for waveforms (B, 1, samples)."""
        x = self.network(x.unflatten(2, (self.steps, ROW)))  # (B, 128, steps, 4)
        x = x.mean(dim=3)  # (B, 128, steps)
        if self.layout == "transpose":
            return x.transpose(1, 2)
        return x.reshape(len(x), self.steps, FEATURES)


class AttentionExtractor(nn.Module):
    """Turn waveforms into a map by a ResNet and attention over the steps (section 3.1.3)."""

    def __init__(
        self,
        input_shape: tuple[int, ...],
        channels: int,
        layers: int,
        heads: int,
        attention_first: bool,
    ) -> None:
        super().__init__()
        self.steps = count_rows(input_shape, "attention")
        self.output_shape = (self.steps, FEATURES)
        self.attention_first = attention_first
        width = ROW if attention_first else FEATURES
        if width % heads:
            raise ValueError(f"attention_heads = {heads} does not divide the width of {width}")
        self.network = ResNet(channels)
        self.blocks = ast_vit.blocks(width, layers, heads)

    def forward(self, x: Tensor) -> Tensor:
        """Return a map (B, steps, 128) for waveforms (B, 1, samples)."""
        x = x.unflatten(2, (self.steps, ROW))  # (B, 1, steps, 200)
        if self.attention_first:
            x = self.blocks(x.squeeze(1)).unsqueeze(1)  # (B, 1, steps, 200)
        x = self.network(x).mean(dim=3).transpose(1, 2)  # (B, steps, 128)
        return x if self.attention_first else self.blocks(x)


class ResNet(nn.Module):
    """Reduce rows of 200 samples to 4 positions with 128 features (Table 2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        c = channels
        self.conv1 = nn.Conv2d(1, c, 7, stride=(1, 2), padding=3, bias=False)
        self.norm1 = nn.BatchNorm2d(c)
        self.maxpool = nn.MaxPool2d(3, stride=(1, 2), padding=1)
        widths, strides = (c, c, 2 * c, 4 * c, 8 * c, FEATURES), (1, 2, 2, 2, 2)
        self.layers = nn.Sequential(
            *(
                nn.Sequential(BasicBlock(a, b, stride), BasicBlock(b, b, 1))
                for a, b, stride in zip(widths, widths[1:], strides, strict=False)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return features (B, 128, steps, 4) for rows (B, 1, steps, 200)."""
        x = torch.relu(self.norm1(self.conv1(x)))  # (B, 64, steps, 100)
        return self.layers(self.maxpool(x))  # (B, 64, steps, 50) -> 50, 25, 13, 7, 4


class BasicBlock(nn.Module):
    """Add two 3 x 3 convolutions to the input, ResNet-18's block; the stride is along the row."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        step = (1, stride)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=step, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.rectify = True
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=step, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs, steps, width / stride up) for (B, inputs, steps, width)."""
        y = torch.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y)) + self.shortcut(x)
        return torch.relu(y) if self.rectify else y


# --- shapes, initial values, weights, tables ------------------------------------------------------


def check_waveform(input_shape: tuple[int, ...], channels: int, extractor: str) -> int:
    """Return the samples of (channels, samples); ValueError if the extractor cannot read it."""
    if len(input_shape) != 2 or input_shape[0] != channels or input_shape[1] < 1:
        raise ValueError(
            f"input shape {input_shape} is not ({channels}, samples), which "
            f"extractor = {extractor!r} reads"
        )
    return input_shape[1]


def count_rows(input_shape: tuple[int, ...], extractor: str) -> int:
    """Return the rows of 200 samples in (1, samples); ValueError if they do not come out even."""
    samples = check_waveform(input_shape, 1, extractor)
    if samples % ROW:
        raise ValueError(
            f"{samples} samples are no whole number of rows of {ROW}; "
            f"the nearest lengths are {samples // ROW * ROW} and {-(-samples // ROW) * ROW}"
        )
    return samples // ROW


def initialise_unet(
    module: nn.Module, name: str, tensor: Tensor, generator: torch.Generator
) -> None:
    """Fill a parameter `name` of Hybrid Demucs's `module` as torchaudio does.

    Convolutions: torch's uniform law, then scaled so that deviation d becomes sqrt(d * 0.1) (here
    with the law's deviation, not the drawn one's); weights of decays 0.01 of that and their
    biases -2 before the scaling. Embedding: cumulated normal values. Branches start at 1e-4.
    """
    kind = name.rpartition(".")[2]
    if isinstance(module, nn.GroupNorm):
        nn.init.constant_(tensor, 1.0 if kind == "weight" else 0.0)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(tensor, generator=generator)
        ranks = torch.arange(1, len(tensor) + 1, device=tensor.device)
        tensor.copy_(tensor.cumsum(dim=0) / ranks.sqrt()[:, None] / 10)
    elif kind == "scale":
        nn.init.constant_(tensor, 1e-4)
    elif isinstance(module, nn.LSTM):
        bound = module.hidden_size**-0.5
        nn.init.uniform_(tensor, -bound, bound, generator=generator)
    else:
        bound = module.weight[0].numel() ** -0.5
        nn.init.uniform_(tensor, -bound, bound, generator=generator)
        decay = ".query_decay." in name
        if decay and kind == "weight":
            tensor.mul_(0.01)
        elif decay:
            tensor.fill_(-2)
        if not isinstance(module, nn.Linear):
            deviation = bound / 3**0.5 * (0.01 if decay else 1.0)
            tensor.div_((deviation / 0.1) ** 0.5)


def initialise_resnet(name: str, tensor: Tensor, generator: torch.Generator) -> None:
    """Fill a parameter `name` of the ResNet: He's law by fan-out (torchvision), norms 1 and 0."""
    if tensor.ndim == 4:
        nn.init.kaiming_normal_(tensor, mode="fan_out", nonlinearity="relu", generator=generator)
    else:
        nn.init.constant_(tensor, 1.0 if name.endswith("weight") else 0.0)


def load(model: GAFX, state: Mapping[str, Any]) -> list[str]:
    """Load one parent's weights into a GAFX in place; return what was taken and left out.

    state: of Hybrid Demucs (into the extractor of GAFX-U), of a distilled DeiT (into the
    classifier, by `ast_vit.load`), or of another GAFX, such as a pretraining (its extractor).
    Call it once for each parent. ValueError, before anything is written, if it does not fit.
    """
    if "freq_encoder.0.conv.weight" in state:
        if not isinstance(model.extractor, UNetExtractor):
            raise ValueError("the weights are Hybrid Demucs's, which only extractor = 'unet' has")
        return _load_exactly(model.extractor.network, state, "Hybrid Demucs")
    if any(name.startswith("extractor.") for name in state):
        return _load_exactly(model, state, "the extractor", "extractor.")
    if model.classifier is None:
        raise ValueError("the model has no classifier for these weights")
    return [f"classifier: {line}" for line in ast_vit.load(model.classifier, state)]


@torch.no_grad()
def _load_exactly(
    module: nn.Module, state: Mapping[str, Tensor], what: str, prefix: str = ""
) -> list[str]:
    """Load the tensors of `module` whose names start so, buffers too; all must be in `state`."""
    own = {k: v for k, v in module.state_dict().items() if k.startswith(prefix)}
    missing = [name for name in own if name not in state]
    if missing:
        raise ValueError(f"the weights lack {ast_vit.names(missing)} of {what}")
    ast_vit.check_shapes(own, state)
    for name, tensor in own.items():
        tensor.copy_(state[name])
    unused = [name for name in state if name not in own]
    said = [f"{what}: loaded {len(own)} tensors"]
    return said + ([f"{what}: not used: {ast_vit.names(unused)}"] if unused else [])


def layers(model: GAFX) -> dict[str, int | str]:
    """Return Table 1 or Table 2 by paths, read from the modules: "layers.tencoder.1.in": 2.

    A decoder's layer n is the mirror image of the encoder's layer n. Strides read "(1, 2)".
    """
    network = model.extractor.network
    table: dict[str, int | str] = {}
    if isinstance(network, DualUNet):
        for branch, stacks in (
            ("t", (network.time_encoder, network.time_decoder)),
            ("z", (network.freq_encoder, network.freq_decoder)),
        ):
            for level, (down, up) in enumerate(zip(stacks[0], reversed(stacks[1]), strict=True), 1):
                for coder, conv in (("encoder", down.conv), ("decoder", up.conv_tr)):
                    table[f"layers.{branch}{coder}.{level}.in"] = conv.in_channels
                    table[f"layers.{branch}{coder}.{level}.out"] = conv.out_channels
        return table
    table["layers.conv1.channels"] = network.conv1.out_channels
    table["layers.conv1.stride"] = str(network.conv1.stride)
    table["layers.maxpool.stride"] = str(network.maxpool.stride)
    for number, layer in enumerate(network.layers, 1):
        table[f"layers.{number}.channels"] = layer[0].conv1.out_channels
        table[f"layers.{number}.stride"] = str(layer[0].conv1.stride)
    return table
