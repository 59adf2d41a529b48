"""What throws on CUDA under `torch.use_deterministic_algorithms(True)`.

The second list of its docstring, by the kernels that its classes and functions come to.
"""

from collections.abc import Sequence

from torch import Tensor

KERNELS = {
    "AvgPool3d": ("avg_pool3d_backward",),
    "AdaptiveAvgPool2d": ("_adaptive_avg_pool2d_backward",),
    "AdaptiveAvgPool3d": ("_adaptive_avg_pool3d_backward",),
    "MaxPool3d": ("max_pool3d_with_indices_backward",),
    "AdaptiveMaxPool2d": ("adaptive_max_pool2d_backward",),
    "FractionalMaxPool2d": ("fractional_max_pool2d_backward",),
    "FractionalMaxPool3d": ("fractional_max_pool3d_backward",),
    "MaxUnpool1d": ("max_unpool2d",),
    "MaxUnpool2d": ("max_unpool2d",),
    "MaxUnpool3d": ("max_unpool3d",),
    "interpolate": (
        "upsample_linear1d_backward",
        "upsample_bilinear2d_backward",
        "upsample_bicubic2d_backward",
        "upsample_trilinear3d_backward",
        "_upsample_bilinear2d_aa_backward",
        "_upsample_bicubic2d_aa_backward",
    ),
    "ReflectionPad1d": ("reflection_pad1d_backward",),
    "ReflectionPad2d": ("reflection_pad2d_backward",),
    "ReflectionPad3d": ("reflection_pad3d_backward",),
    "NLLLoss": ("nll_loss2d_forward",),
    "CTCLoss": ("_ctc_loss_backward",),
    "EmbeddingBag": ("_embedding_bag_dense_backward",),
    "put_": ("put_",),
    "histc": ("histc",),
    "bincount": ("bincount",),
    "median": ("median", "nanmedian"),
    "grid_sample": ("grid_sampler_2d_backward", "grid_sampler_3d_backward"),
    "cumsum": ("cumsum", "cumsum_"),
    "scatter_reduce": ("scatter_reduce", "scatter_reduce_"),
    "resize_": ("quantized_resize_cpu_",),
}
_ALL = {kernel for kernels in KERNELS.values() for kernel in kernels}


def throws(name: str, tensors: Sequence[Tensor]) -> bool:
    """Tell whether a kernel throws for these tensors."""
    if name.startswith("cumsum"):
        return tensors[0].is_floating_point() or tensors[0].is_complex()
    return name in _ALL and (name != "bincount" or len(tensors) > 1)
