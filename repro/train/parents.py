"""Give a model the weights it starts from: read a file of them, and load what the model takes."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from repro.errors import UserError
from repro.weights import statefile

AGAIN = "repro weights list"


def read(path: Path) -> dict[str, Tensor]:
    """Read a state dict, or the one inside a checkpoint; nothing but tensors is loaded.

    UserError, naming the file, if it is no state dict.
    """
    try:
        state: Any
        if statefile.safetensors(path):
            state = load_file(path)
        else:
            # weights_only refuses a checkpoint for what else it holds: settings, counters.
            tensors: Any = SimpleNamespace(__name__="tensors", Unpickler=_Tensors, load=_load)
            state = torch.load(path, map_location="cpu", weights_only=False, pickle_module=tensors)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist any more", AGAIN) from None
    except Exception as error:  # a damaged file raises whatever it likes
        why = str(error).strip().partition("\n")[0]
        raise UserError(f"{path}: not a readable state dict ({why})", AGAIN) from error
    state = statefile.inner(state)
    if not isinstance(state, Mapping) or not state:
        raise UserError(f"{path}: holds no state dict", AGAIN)
    strange = [str(name) for name, value in state.items() if not isinstance(value, Tensor)]
    if strange:
        raise UserError(f"{path}: no state dict, for {strange[0]!r} in it is no tensor", AGAIN)
    return dict(state)


class _Tensors(pickle.Unpickler):
    """Unpickle tensors and what holds them; anything else becomes an empty object, never called."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the class of what a tensor is made of, or an empty one."""
        return super().find_class(module, name) if (module, name) in _NEEDED else statefile.Empty


_NEEDED = {
    ("collections", "OrderedDict"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._utils", "_rebuild_tensor"),
    ("torch._utils", "_rebuild_parameter"),
    *(("torch", f"{kind}Storage") for kind in (
        "Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool",
    )),
}  # fmt: skip


def _load(stream: Any, **options: Any) -> Any:
    return _Tensors(stream, **options).load()


def load(module: ModuleType, model: nn.Module, state: Mapping[str, Tensor], name: str) -> list[str]:
    """Load a parent's weights into a model by its file's `load`; return what it says of them.

    `name` is the parent's, and stands before each line. UserError if they do not fit, or the model
    takes none.
    """
    title = Path(str(module.__file__)).stem
    if not hasattr(module, "load"):
        raise UserError(f"the model {title} takes no weights, and so not those of {name}",
                        f"write load(model, state) into {title}.py, or remove init")  # fmt: skip
    try:
        return [f"{name}: {line}" for line in module.load(model, state) or ()]
    except ValueError as error:
        raise UserError(
            f"the weights of {name} do not fit the model {title}: {error}",
            "take model arguments that fit (repro show ID), or remove init",
        ) from error
