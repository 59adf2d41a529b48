"""Which operations have no deterministic kernel on CUDA, and where a network calls them."""

import traceback
from pathlib import Path
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

# Without a deterministic kernel on CUDA: those of the list under
# torch.use_deterministic_algorithms that a network may meet, by the name in ATen.
NO_KERNEL = {
    "_adaptive_avg_pool2d": "adaptive average pooling (take means of slices)",
    "_adaptive_avg_pool3d": "adaptive average pooling (take means of slices)",
    "adaptive_max_pool2d": "adaptive maximum pooling (take maxima of slices)",
    "adaptive_max_pool3d": "adaptive maximum pooling (take maxima of slices)",
    "avg_pool3d": "average pooling in 3-D",
    "max_pool3d_with_indices": "maximum pooling in 3-D",
    "fractional_max_pool2d": "fractional pooling",
    "fractional_max_pool3d": "fractional pooling",
    "max_unpool2d": "unpooling",
    "max_unpool3d": "unpooling",
    "upsample_linear1d": "linear interpolation (of nearest neighbours there is one)",
    "upsample_bilinear2d": "bilinear interpolation (of nearest neighbours there is one)",
    "upsample_bicubic2d": "bicubic interpolation (of nearest neighbours there is one)",
    "upsample_trilinear3d": "trilinear interpolation (of nearest neighbours there is one)",
    "reflection_pad1d": "reflection padding (join slices, or pad with zeros)",
    "reflection_pad2d": "reflection padding (join slices, or pad with zeros)",
    "reflection_pad3d": "reflection padding (join slices, or pad with zeros)",
    "grid_sampler_2d": "sampling on a grid",
    "grid_sampler_3d": "sampling on a grid",
    "cumsum": "the cumulative sum (multiply by a triangular matrix)",
    "median.dim": "the median with its place (sort instead)",
    "histc": "the histogram",
    "put": "put",
    "put_": "put",
    "_ctc_loss": "the CTC loss",
    "nll_loss2d_forward": "the negative log-likelihood in 2-D",
}


class Seen(TorchDispatchMode):  # type: ignore[no-untyped-call]  # untyped in torch
    """Notes the operations of NO_KERNEL that are called, with the line of the model's file."""

    def __init__(self, file: Path) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # untyped in torch
        self.file, self.found = file, dict[tuple[int, str], None]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the operation, and note it where it is listed."""
        name, overload = func.name().removeprefix("aten::"), func._overloadname
        short = name.partition(".")[0]
        listed = NO_KERNEL.get(f"{short}.{overload}") or NO_KERNEL.get(short)
        whole = short == "cumsum" and not args[0].is_floating_point()  # of whole numbers: exact
        if listed and not whole:
            frames = traceback.extract_stack()
            lines = [frame.lineno for frame in frames if Path(frame.filename) == self.file]
            self.found[(lines[-1] or 0) if lines else 0, listed] = None
        return func(*args, **(kwargs or {}))
