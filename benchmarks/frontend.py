"""Time the batched front end against the clip-by-clip torchaudio loop.

By hand: `python benchmarks/frontend.py`. Both are timed in turn in one run, so that their ratio
means something on a busy machine; each figure is the best of the rounds.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torchaudio.compliance import kaldi

from repro.frontends.fbank import Fbank

FRAMES = 1024


def loop(waveforms: Tensor) -> Tensor:
    """Compute features as AST's loader does: one clip at a time."""
    out = torch.zeros(len(waveforms), FRAMES, 128)
    for row, wave in zip(out, waveforms, strict=True):
        features = kaldi.fbank(
            (wave - wave.mean())[None],
            htk_compat=True,
            sample_frequency=16000,
            use_energy=False,
            window_type="hanning",
            num_mel_bins=128,
            dither=0.0,
            frame_shift=10,
        )
        row[: len(features)] = features
    return out


def seconds(function: Callable[[], Tensor]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    front_end = Fbank(frames=FRAMES)
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, best of {rounds}")
    print("clip  threads  loop ms/clip  batched ms/clip  ratio  equal bits")
    for duration, clips in ((1, 64), (10, 16)):
        generator = torch.Generator().manual_seed(0)
        waveforms = torch.randint(-20000, 20000, (clips, 16000 * duration), generator=generator)
        waveforms = waveforms / 32768
        lengths = torch.full((clips,), 16000 * duration)
        for threads in (1, 2):
            torch.set_num_threads(threads)
            equal = torch.equal(loop(waveforms), front_end.features(waveforms, lengths))
            slow, fast = [], []
            for _ in range(rounds):
                slow.append(seconds(lambda w=waveforms: loop(w)))
                fast.append(seconds(lambda w=waveforms, n=lengths: front_end.features(w, n)))
            before, after = (1000 * min(times) / clips for times in (slow, fast))
            print(
                f"{duration:2d} s  {threads:7d}  {before:12.3f}  {after:15.3f}"
                f"  {before / after:5.2f}  {equal}"
            )


if __name__ == "__main__":
    main()
