"""Options that several verbs share, and what they are turned into."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from repro import places
from repro.engines import visible
from repro.errors import UserError

if TYPE_CHECKING:
    from repro.plan.request import Request

Command = TypeVar("Command", bound=Callable[..., Any])
_EXTENSIONS = "REPRO_EXTENSIONS"
_DEVICE = re.compile(rf"cpu|cuda(:({visible.NUMBER}|{visible.NAMED}))?", re.ASCII)
GPU = "Train on these CUDA cards: numbers (0,1), names of nvidia-smi -L (GPU-..., MIG-...), or all."


class NamedPath(click.Path):
    """The type of a path that is typed; "" would be the current folder, and is refused."""

    def __init__(self, **more: Any) -> None:
        super().__init__(path_type=Path, **more)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; UserError for an empty one."""
        if param is not None:
            _typed(ctx, param, value)
        return super().convert(value, param, ctx)


text_or_json = click.option(
    "--format", "fmt", type=click.Choice(["text", "json"]), default="text", show_default=True
)


def home_option(command: Command) -> Command:
    """Add --home and --extensions."""
    options = [
        click.option("--home", metavar="DIR", callback=_home,
                     help="Where runs, data and cache live (default: REPRO_HOME)."),
        click.option("--extensions", metavar="DIR", callback=_extensions, expose_value=False,
                     help="Where your own models and tables are (default: REPRO_EXTENSIONS, or "
                          "extensions/ in the home)."),
    ]  # fmt: skip
    return with_options(options, command)


def _home(context: click.Context, option: click.Parameter, home: str | None) -> str | None:
    """Take the extensions of the home that is named, where nothing else is said of them."""
    _typed(context, option, home)
    if home is not None and not os.environ.get(_EXTENSIONS):
        _set(context, _EXTENSIONS, str(places.absolute(home) / "extensions"))
    return home


def _extensions(context: click.Context, option: click.Parameter, folder: str | None) -> None:
    _typed(context, option, folder)
    if folder is not None:
        _set(context, _EXTENSIONS, str(places.absolute(folder)))


def _stage(context: click.Context, option: click.Parameter, folder: str | None) -> None:
    _typed(context, option, folder)
    if folder is not None:
        _set(context, "REPRO_STAGE", folder)


def card_option(command: Command) -> Command:
    """Add --card: a plan for a card that is not here."""
    option = click.option(
        "--card", metavar="NAME", callback=_card, expose_value=False,
        help="Plan for a card that is not here: 3090, A100, H200, ... (of its data sheet).",
    )  # fmt: skip
    return option(command)


def _card(context: click.Context, _: click.Parameter, name: str | None) -> None:
    if name is not None:
        from repro.plan import rates

        _set(context, rates.CARD, rates.check(name).name)


def with_card(devices: list[str]) -> list[str]:
    """Return the devices of a plan: with --card a CUDA device, unless one was named."""
    from repro.plan import rates

    if not os.environ.get(rates.CARD) or devices != ["cpu"]:
        return devices
    context = click.get_current_context()
    if context.get_parameter_source("device") is ParameterSource.COMMANDLINE:
        raise UserError("--card and --device cpu exclude each other", "give one of them")
    return ["cuda:0"]


def _set(context: click.Context, name: str, value: str) -> None:
    """Set a variable for this command and the workers that it starts, and no longer."""
    before = os.environ.get(name)

    def reset() -> None:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before

    context.call_on_close(reset)
    os.environ[name] = value


def _typed(_: click.Context | None, option: click.Parameter, value: Any) -> Any:
    """Refuse an empty value: it would ask for nothing where something was meant."""
    flag, form = max(option.opts, key=len), option.metavar or "FILE"
    if isinstance(option, click.Argument):
        flag, step = option.human_readable_name, f"name a path for {option.human_readable_name}"
    else:
        step = f"{flag} {form}" + ("" if option.required else ", or leave it out")
    for text in value if isinstance(value, tuple) else (value,):
        if text is not None and not str(text).strip():
            raise UserError(f"{flag} {text!r} is empty, as an unset variable of the shell is", step)
    return value


def request_options(command: Command) -> Command:
    """Add the options that say which runs a table is made of."""
    options = [
        click.option(
            "--profile", type=click.Choice(["full", "demo"]), default="full", show_default=True,
            help="The paper's recipe, or a small one for minutes on two CPU cores.",
        ),
        click.option(
            "--data", "audio", type=click.Choice(["generated", "local"]),
            help="Audio (default: generated for demo, local for full and with --on).",
        ),
        click.option("--on", metavar="DATASET", callback=_typed,
                     help="Use this dataset in place of the table's."),
        click.option(
            "--systems", metavar="A,B,...", callback=_typed,
            help="With --on: these systems side by side, of any table, and models of yours.",
        ),
        click.option(
            "--with", "own", multiple=True, metavar="NAME", callback=_typed,
            help="Give a model of yours a line in the table (see repro new model).",
        ),
        click.option(
            "--with-rivals", "rivals", is_flag=True,
            help="Train also the quoted systems that can be: with pairs a p-value is one.",
        ),
        click.option(
            "--protocol", type=click.Choice(["official", "random", "grouped"]),
            help="How the dataset of --on is split (default: as it itself calls for).",
        ),
        click.option("--subset", is_flag=True, help="Use the clips that are there, and say so."),
        click.option(
            "--folds", metavar="1,2,10", callback=_typed,
            help="Use the clips of these official folds alone, and say so.",
        ),
        click.option("--seeds", metavar="0,1,2", callback=_typed,
                     help="Train only these of the declared seeds."),
        click.option("--only", metavar="SYSTEM", callback=_typed, help="Train only this system."),
        click.option(
            "--assume", multiple=True, metavar="KEY=VALUE", callback=_typed,
            help="Take another reading of a silent point (see repro show ID).",
        ),
        click.option(
            "--set", "settings", multiple=True, metavar="PATH=VALUE", callback=_typed,
            help="For a quick look: another value of anything that repro show prints.",
        ),
        click.option(
            "--micro-batch", type=click.IntRange(1), metavar="N",
            help="Put N clips of a batch through the model at once, where memory is short.",
        ),
        click.option(
            "--checkpoint-activations", is_flag=True,
            help="Where memory is short: compute inner values again in the backward pass, with the "
                 "same bits.",
        ),
        click.option(
            "--compile", "compiled", is_flag=True,
            help="Train with compiled kernels: faster, and an execution of its own.",
        ),
        click.option(
            "--steps", type=click.IntRange(1), metavar="N",
            help="Train for N steps of the optimiser, whatever the data's size: epochs and "
                 "schedule are stretched to them.",
        ),
        click.option("--execution", metavar="ID", callback=_typed,
                     help="Use records of this execution only."),
    ]  # fmt: skip
    return with_options(options, command)


def device_options(command: Command) -> Command:
    """Add the options that say where runs are trained."""
    options = [
        click.option("--gpu", metavar="CARD[,CARD]", callback=_typed, help=GPU),
        click.option("--device", metavar="cpu|cuda:0", callback=_typed,
                     help="Train on this device."),
        click.option(
            "--threads", type=click.IntRange(1, 256), default=2, show_default=True,
            help="CPU threads of a worker; part of the execution, never taken from the machine.",
        ),
        click.option(
            "--stage", metavar="DIR", callback=_stage, expose_value=False,
            help="Read the audio from a copy on the node's own disk, made there: "
                 "'$SLURM_TMPDIR', say (default: REPRO_STAGE).",
        ),
    ]  # fmt: skip
    return with_options(options, command)


def with_options(options: list[Callable[[Any], Any]], command: Command) -> Command:
    """Add options to a command; help shows them in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def request(
    profile: str,
    audio: str | None,
    on: str | None,
    protocol: str | None,
    subset: bool,
    folds: str | None,
    seeds: str | None,
    only: str | None,
    assume: tuple[str, ...],
    micro_batch: int | None,
    checkpoint_activations: bool,
    compiled: bool,
    steps: int | None,
    execution: str | None,
    systems: str | None = None,
    own: tuple[str, ...] = (),
    settings: tuple[str, ...] = (),
    rivals: bool = False,
) -> "Request":
    """Turn the request options into a Request."""
    from repro.plan.request import ask

    return ask(
        profile=profile,
        audio=audio,
        subset=subset,
        folds=_listed("--folds", folds, "folds, such as 1 or 1,2,10"),
        seeds=_seeds(seeds),
        only=only,
        assume=readings(assume),
        execution=execution,
        on=on,
        protocol=protocol,
        micro_batch=micro_batch or 0,
        checkpoint_activations=checkpoint_activations,
        compiled=compiled,
        steps=steps or 0,
        systems=_listed("--systems", systems, "systems, such as asm or asm,asm-rh"),
        own=own,
        settings=pairs("--set", settings, "PATH=VALUE"),
        rivals=rivals,
    )


def readings(assume: tuple[str, ...]) -> dict[str, str]:
    """Turn --assume into values by key; whether there is such a key is not asked here."""
    return pairs("--assume", assume, "KEY=VALUE")


def pairs(option: str, texts: tuple[str, ...], form: str) -> dict[str, str]:
    """Turn an option that is given several times into values by key."""
    found = [_pair(option, text, form) for text in texts]
    for key, _ in found:
        if sum(key == other for other, _ in found) > 1:
            raise UserError(f"{option} {key} is given twice", "give one value for it")
    return dict(found)


def devices(gpu: str | None, device: str | None) -> list[str]:
    """Turn --gpu or --device into device names; the CPU where neither is given."""
    if gpu is not None and device is not None:
        raise UserError("--gpu and --device exclude each other", "give one of them")
    if gpu is not None:
        return _cards(gpu)
    chosen = device or "cpu"
    if chosen == "mps":
        raise UserError("mps is refused: PyTorch promises no equal bits there", "--device cpu")
    if not _DEVICE.fullmatch(chosen):
        raise UserError(f"unknown device {chosen!r}: use cpu, cuda:0, cuda:1, ...", "repro doctor")
    return ["cuda:0" if chosen == "cuda" else chosen]


def workers(given: int | None, threads: int, on: list[str], profile: str) -> tuple[int, int]:
    """Return how many runs share a device, and the threads of each.

    Runs that share a CPU have a thread each, unless --threads was given. So have those of a demo,
    whose networks are too small for a second thread to pay: every core trains one.
    """
    source = click.get_current_context().get_parameter_source("threads")
    free = on == ["cpu"] and source is not ParameterSource.COMMANDLINE
    demo = free and profile == "demo"
    count = given or (_cores() if demo else 1)
    return count, 1 if demo or (free and count > 1) else threads


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cards(text: str) -> list[str]:
    """Turn --gpu into names of CUDA devices."""
    if text.strip() == "all":
        return visible.every()
    cards = [part.strip() for part in text.split(",")]
    found = [f"cuda:{int(card) if card.isascii() and card.isdecimal() else card}" for card in cards]
    if not all(map(_DEVICE.fullmatch, found)) or len(set(found)) < len(found):
        raise UserError(
            f"--gpu {text!r}: expected different cards: 0 or 0,1, names such as GPU-8932f937, "
            "or all",
            "nvidia-smi -L, which lists them",
        )
    return found


def alone(device: str) -> str:
    """Have this process see a device alone, for this command; return what PyTorch calls it."""
    context = click.get_current_context()
    for name, value in visible.alone(device).items():
        _set(context, name, value)
    return "cuda:0" if device.startswith("cuda") else device


def _listed(option: str, text: str | None, form: str) -> tuple[str, ...]:
    """Split a list at its commas; UserError where nothing stands between two."""
    parts = () if text is None else tuple(part.strip() for part in text.split(","))
    if not all(parts):
        raise UserError(f"{option} {text!r}: expected {form}", "leave no gap between commas")
    return parts


def _seeds(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    parts = text.split(",")
    if not all(part.strip().isdecimal() for part in parts):
        raise UserError(
            f"--seeds {text!r}: expected whole numbers, such as 0 or 0,1,2",
            "repro show ID",
        )
    return tuple(sorted({int(part) for part in parts}))


def _pair(option: str, text: str, form: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key or not value:
        raise UserError(f"{option} {text!r}: expected {form}", "repro show ID")
    return key, value
