"""`--compile`: the network of a training step as kernels that inductor makes of it.

Joined kernels move fewer bytes than one kernel for each operation, and sum in another order: such a
run has an execution of its own, in which the compiler counts. Weights stay those of the plain
network, which validation and checkpoints use as ever. What is compiled is kept in the home's cache,
so a run that continues begins at once.
"""

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any, cast

from repro import places
from repro.errors import UserError

if TYPE_CHECKING:
    from torch import nn

_COMPILERS = ("g++", "clang++")


def compiler() -> str | None:
    """Return the C++ compiler that inductor will call; None where there is none."""
    return next(filter(None, map(shutil.which, (os.environ.get("CXX", ""), *_COMPILERS))), None)


def check() -> None:
    """Raise UserError where nothing can be compiled."""
    if compiler() is None:
        raise UserError("--compile needs a C++ compiler, and none is here: g++, clang++ or CXX",
                        "install g++, or leave --compile out")  # fmt: skip


def described(kind: str) -> dict[str, Any]:
    """Return what decides the bits of compiled kernels besides PyTorch: who compiles them.

    Equal bits are tested on a CPU; on a card nothing is, so nothing is promised there.
    """
    if kind != "cpu":
        return {"tier": "statistical"}
    found = compiler()
    if found is None:
        return {"compiler": None}
    done = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    return {"compiler": (done.stdout.splitlines() or [found])[0].strip()}


def keep(home: places.Home) -> None:
    """Have what is compiled from now on kept in the home's cache; UserError without a compiler."""
    check()
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(home.cache / "inductor"))


def network(model: "nn.Module") -> "nn.Module":
    """Return a network of the same weights that is compiled when it is first called."""
    import torch
    from torch._inductor import config

    config.deterministic = True  # nothing is timed to choose among kernels
    return cast("nn.Module", torch.compile(model, dynamic=False))
