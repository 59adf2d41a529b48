"""Table, recipe and paper files: TOML to typed objects; errors name file, key and value."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from repro.errors import UserError, nearest
from repro.spec.index import read_toml

Kind = Literal["trained", "measured", "structural", "derived", "declared", "cited"]
Scalar = bool | int | float | str
Args = dict[str, Scalar | list[Scalar]]


def _distinct(values: list[Any]) -> list[Any]:
    """Refuse a list that names something twice: it would count twice."""
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"{value!r} is listed twice")
    return values


# A file of the registry: its name leads to no other folder, and to none of those with "_".
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Seeds = Annotated[list[Seed], Field(min_length=1), AfterValidator(_distinct)]
Distinct = Annotated[list[str], AfterValidator(_distinct)]


def neutral(default: Any) -> Any:
    """Declare a field that is left out of a run's identity at this value.

    So it can be added after runs exist, and their ids stay what they were.
    """
    return Field(default=default, json_schema_extra={"neutral": True})


class Strict(BaseModel):
    """Refuse unknown keys and values of another kind ("30", true); objects never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class Paper(Strict):
    """A paper, from `tables/<paper>/paper.toml`."""

    title: str
    short: str
    authors: list[str]
    year: int
    order: int  # where `repro list` shows it
    url: str
    bibtex: str
    primary: str = ""  # what the paper itself calls its main metric
    notes: list[str] = []


class Optimizer(Strict):
    """An optimiser of torch.optim with its arguments."""

    name: Literal["adam", "adamw", "sgd"]
    lr: Annotated[float, Field(gt=0)]
    betas: Annotated[tuple[float, float], Field(strict=False)] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    decay: Literal["all", "matrices"] = neutral("all")  # matrices: no decay of biases and norms


class Schedule(Strict):
    """How the learning rate moves; a pure function of epoch and step."""

    name: Literal["constant", "step", "halving", "steps", "linear", "onecycle"]
    start: int = neutral(0)  # step: epochs at the full rate
    factor: float = neutral(1.0)  # of the rate, step: at every later epoch, steps: at each of `at`
    at: list[int] = neutral([])  # halving, steps: epochs at which the rate changes
    warmup_steps: int = neutral(0)
    warmup_shape: Literal["line", "cosine"] = neutral("line")
    rise: float = neutral(0.0)  # onecycle: share of the steps in which the rate rises
    # cycle: the first beta goes 0.95, 0.85, 0.95
    momentum: Literal["fixed", "cycle"] = neutral("fixed")


class Augment(Strict):
    """Augmentations of a recipe; all off by default."""

    freq_mask: int = neutral(0)  # SpecAugment: widest mask, in mel bins
    time_mask: int = neutral(0)  # SpecAugment: widest mask, in frames
    mixup: float = neutral(0.0)  # share of clips mixed with a partner's waveform
    mixup_alpha: float = neutral(10.0)  # lambda ~ Beta(alpha, alpha)
    noise: bool = neutral(False)  # AST: uniform noise times U(0, 1) / 10 on the features
    roll: int = neutral(0)  # AST: features rolled by up to so many frames
    signal: list[str] = neutral([])  # EAT Table 1: each applied with probability 1/2
    noises: list[str] = neutral([])  # EAT Table 1: one kind drawn for each clip
    mixing: list[str] = neutral([])  # EAT: one mixing strategy drawn for each batch
    mix_from_epoch: int = neutral(0)
    # EAT, mixup: what weighs the labels, lambda or the amplitude p that makes it audible
    mixup_label: Literal["lambda", "amplitude"] = neutral("lambda")


class Demo(Strict):
    """The demo profile of a recipe: what is made small, and the clips it may use."""

    clips: dict[Literal["train", "valid", "test"], int]
    recipe: dict[str, Any] = {}
    model: Args = {}
    frontend: Args = {}


class Recipe(Strict):
    """Everything about a training, precision, batch and the selection rule included."""

    source: str  # which sentence of the paper, which public code, what is our inference
    epochs: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=1)]
    precision: Literal["fp32", "bf16"]
    loss: Literal["ce", "bce"]
    optimizer: Optimizer
    schedule: Schedule
    select: Literal["last", "valid", "test"]
    select_metric: Literal["accuracy", "auc", "map"] = "accuracy"
    augment: Augment = Augment()
    label_smoothing: float = neutral(0.0)
    ema: float = neutral(0.0)
    distill: Literal["", "self", "teacher"] = neutral("")
    distill_share: float = neutral(0.3)  # of an early stage's loss that comes from the last one
    distill_features: float = neutral(0.03)  # weight of the distance to the last stage's features
    distill_temperature: float = neutral(3.0)
    # softmax: divergence of softmax outputs, the mean of a batch, whatever the loss is.
    # loss: of the outputs that the loss takes (sigmoid for bce), reduced as the loss is.
    distill_like: Literal["softmax", "loss"] = neutral("softmax")
    # Of the loss over a batch; clip: the sum over the classes, the mean over the clips.
    reduction: Literal["mean", "sum", "clip"] = neutral("mean")
    mixed_loss: Literal["", "bce-hard", "bce-convex"] = neutral("")  # labels of mixed clips
    pieces: Annotated[int, Field(ge=1)] = neutral(1)  # clips are cut into so many equal pieces
    scored: Literal["clip", "piece"] = neutral("clip")  # what a decision of the test is made on
    sampler: Literal["uniform", "balanced"] = neutral("uniform")
    micro_batch: Annotated[int, Field(ge=0)] = neutral(0)  # clips at once; 0: the whole batch
    drop_last: bool = neutral(False)  # a last batch that is not full is left out
    grad_clip: float = neutral(0.0)
    frontend: Args = neutral({})  # values of the front end that go with this recipe
    demo: Demo | None = None


class Parent(Strict):
    """Where weights of a system come from: published weights, or another run."""

    kind: Literal["weights", "run"]
    name: str  # weights: what a person calls them ("DeiT"); run: the parent system
    what: str  # exactly which weights, and what takes them
    recipe: str = ""  # run: how the parent is trained, and on what
    dataset: str = ""


class System(Strict):
    """A row's subject: model, front end, initialisation."""

    label: str
    model: Name
    args: Args = {}
    frontend: str
    init: list[Parent] = []  # empty: all weights at random
    gflop: dict[Literal["full", "demo"], float] = {}  # forward and backward of one clip, measured
    notes: list[str] = []


class Alternative(Strict):
    """Another reading of a silent point, and what speaks for it."""

    value: Scalar | list[Scalar]
    why: str
    also: dict[str, Scalar | list[Scalar]] = {}  # values at other paths that go with it


class Assumption(Strict):
    """A choice where the paper is silent or contradicts itself; its value stands at `path`."""

    key: str
    title: str
    path: str  # into the settings: model.args.x, frontend.args.x, recipe.x, protocol, system, ...
    why: Annotated[str, Field(min_length=1)]
    alternatives: Annotated[list[Alternative], Field(min_length=1)]
    systems: Distinct = []  # empty: every system that has the path
    tables: Distinct = []  # in recipes.toml, empty: every table of the paper


class Stated(Strict):
    """Values that the paper prints, with the words that print them."""

    paths: Annotated[list[str], Field(min_length=1)]  # into the settings; a path covers those below
    sentence: Annotated[str, Field(min_length=1)]  # verbatim, or what its table or figure shows
    where: str
    systems: list[str] = []  # empty: every system
    tables: list[str] = []  # empty: every table of the paper


class Unmentioned(Strict):
    """Ingredients of which the paper says nothing, and which are therefore left out."""

    paths: Annotated[list[str], Field(min_length=1)]  # every one at the value that does nothing
    why: Annotated[str, Field(min_length=1)]
    systems: list[str] = []
    tables: list[str] = []


class Recipes(Strict):
    """What a paper's tables share: `tables/<paper>/recipes.toml`."""

    frontends: dict[str, Args] = {}
    recipes: dict[str, Recipe] = {}
    systems: dict[str, System] = {}
    assumption: list[Assumption] = []
    stated: list[Stated] = []
    unmentioned: list[Unmentioned] = []


class Protocol(Strict):
    """How clips become train, valid and test."""

    name: str
    kind: Literal["official", "random", "grouped"]
    folds: Annotated[int, Field(ge=1)] = 1  # 1: hold-out
    valid: float = neutral(0.0)  # share of the clips (hold-out) or of the training folds
    test: float = neutral(0.0)
    stratified: bool = neutral(False)
    split_seed: Literal["fixed", "run"] = neutral("fixed")  # run: every seed draws its own split
    why: str = ""

    @property
    def decider(self) -> Literal["welch", "corrected-t"]:
        """Return the test between systems: corrected where splits of one data set share clips."""
        return "corrected-t" if self.folds > 1 or self.split_seed == "run" else "welch"


class CellFields(Strict):
    """What decides a cell; set on the table, a column, a row or one cell (the last one wins)."""

    kind: Kind | None = None
    system: str | None = None
    metric: str | None = None  # test.accuracy, valid.auc, parameters, latency.5s, layer paths
    reduce: Literal["mean", "best", "last"] | None = None
    dataset: Name | None = None
    protocol: str | None = None
    recipe: str | None = None
    seeds: Seeds | None = None
    against: str | None = None  # derived: the row (or column) that it is compared with
    derive: Literal["difference", "wilcoxon"] | None = None
    device: str | None = None  # measured times: the printed device
    source: str | None = None  # cited: the work it is quoted from
    same_as: str | None = None  # cited: table/row/column that trains it
    test_set: str | None = None  # where a row's test set, task or split is not its column's
    note: str | None = None


class Column(CellFields):
    """A printed column; `over` are the headings above it, outermost first."""

    id: str
    label: str
    over: list[str] = []
    unit: str = ""


class Row(CellFields):
    """A printed row with its cells, verbatim, in the order of the columns."""

    id: str
    label: str
    cells: list[str]
    group: str = ""  # a heading printed across the table above this row
    in_heading: bool = False  # its cell stands in the table's heading, not in a row
    rival: Name | None = None  # quoted: the system of `tables/rivals/` that can be trained for it
    rival_recipe: str = ""  # how; empty: by the only recipe of its file
    bold: Distinct = []  # columns printed bold in this row


class Cell(CellFields):
    """One cell that differs from its row and column."""

    row: str
    column: str


class Claim(Strict):
    """A comparison that the text draws from the table."""

    better: str  # system or row
    worse: str
    metric: str
    sentence: str
    test: Literal["welch", "corrected-t", "mcnemar", "one-sample-t"]


class Statistics(Strict):
    """How the table is judged; fixed before runs."""

    unit: Literal["run", "pass"]
    decider: Literal["welch", "corrected-t", "none"]
    primary: Distinct = []  # rows or columns whose cells vote
    behind: Annotated[int, Field(ge=1)] | None = (
        None  # units behind each printed mean; None: not stated, taken as 1
    )
    margin: Annotated[float, Field(gt=0)] | None = None  # default by statistics.md 1.3
    increment: Literal["above", "baseline"] = "above"  # what a printed increment is added to


class Size(Strict):
    """Numbers of decisions that one run may be scored on, and where they come from."""

    n: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]
    origin: str
    stated: bool = False  # the paper prints it, or what fixes it


class Scored(Strict):
    """What the accuracies of some cells are shares of; read by the audit alone."""

    rows: Distinct = []  # empty: every row
    columns: Distinct = []  # empty: every column
    sizes: list[Size] = []
    runs: Annotated[int, Field(ge=1)] | None = None  # averaged in a printed value; None: not stated
    source: str = ""  # the sentence that states the runs or the parts
    search: list[int] = []  # look for sizes from the first number up to each of the others
    otherwise: str = ""  # another origin of the values, under which they are no share of any size
    classes: list[Annotated[int, Field(ge=0)]] = []  # clips of each class on the test set
    parts: list[
        Literal["train", "valid", "test"]
    ] = []  # that the paper names; empty: not said here
    epoch: Literal["", "best", "last"] = ""  # which one is printed; empty: not stated
    chosen_on: Literal["", "valid", "test"] = ""  # where the best one was looked for

    @model_validator(mode="after")
    def _search(self) -> Self:
        rising = len(self.search) > 1 and self.search == sorted(set(self.search))
        if self.search and not (rising and self.search[0] >= 1):
            raise ValueError(f"search must rise from 1 or more, found {self.search}")
        if self.search and self.runs is None:
            raise ValueError("a search for sizes needs the number of runs")
        return self


class Tested(Strict):
    """How the p-values of some cells were computed, as far as the paper says; for the audit."""

    rows: list[str] = []  # empty: every row
    columns: list[str] = []  # empty: every column
    pairs: Annotated[int, Field(ge=1, le=50)]
    method: Literal["exact", "normal", "normal corrected"] | None = None  # None: not stated
    sides: Literal["two-sided", "greater"] | None = None  # "greater": one-sided
    ties: bool | None = None  # equal or zero differences; None: not stated
    source: str  # the sentence that states the pairs


Operation = Literal[
    "sum", "product", "difference", "relative difference", "relative decrease", "ratio",
    "greater", "same",
]  # fmt: skip


class Reading(Strict):
    """A way to read a sentence about printed numbers."""

    why: str = ""
    operation: Operation | None = None
    of: list[str] = []
    to: list[str] = []
    claimed: str = ""


class Arithmetic(Strict):
    """What the text says of printed numbers: a sum, difference, ratio or order; audited exactly.

    An operand is "row/column" of this table, "table/row/column" of another, or a number; a row or
    column "*" stands for all others.
    """

    sentence: str
    operation: Operation
    of: Annotated[list[str], Field(min_length=1)]
    to: list[str] = []
    claimed: str = ""  # "24", ">= 6", "< 0.10", or a cell; empty for "greater" and "same"
    silent: str = ""  # what the sentence leaves open
    otherwise: str = ""  # a reading under which the sentence claims nothing of these numbers
    reading: list[Reading] = []  # others; operands, operation or claim not given stay as they are

    def readings(self) -> list[Reading]:
        """Return the first reading and the others, each with all that it takes."""
        first = Reading(operation=self.operation, of=self.of, to=self.to, claimed=self.claimed)
        return [first] + [
            Reading(
                why=other.why,
                operation=other.operation or self.operation,
                of=other.of or self.of,
                to=other.to or ([] if other.of else self.to),
                claimed=other.claimed or self.claimed,
            )
            for other in self.reading
        ]

    @model_validator(mode="after")
    def _shape(self) -> Self:
        for reading in self.readings():
            operation = reading.operation
            if (operation in ("sum", "product")) == bool(reading.to):
                what = "takes no 'to'" if reading.to else "needs 'to'"
                raise ValueError(f"operation {operation!r} {what}")
            if (operation in ("greater", "same")) == bool(reading.claimed):
                what = "claims no number" if reading.claimed else "needs 'claimed'"
                raise ValueError(f"operation {operation!r} {what}")
        return self


class Table(CellFields):
    """A printed table: `tables/<paper>/<slug>.toml`."""

    number: str
    order: int
    printed_in: str
    title: str
    hours: Annotated[float, Field(ge=0)] | None = None  # written by benchmarks/hours.py
    rival_hours: Annotated[float, Field(ge=0)] | None = None  # of its rivals, as `hours`
    card_gb: Annotated[float, Field(ge=0)] | None = None  # of a training step; as `hours`
    core: bool = False  # one of those that one GPU trains in a night
    caption: str
    heading: str = ""  # printed above the columns; "{row id}" stands for that row's cell
    stub: str = ""  # heading of the row labels
    stub_over: list[str] = []  # headings above it, outermost first
    column: list[Column]
    row: list[Row]
    cell: list[Cell] = []
    protocols: list[Protocol] = []
    statistics: Statistics
    claim: list[Claim] = []
    assumption: list[Assumption] = []
    footnotes: list[str] = []
    scored: list[Scored] = []
    tested: list[Tested] = []
    arithmetic: list[Arithmetic] = []

    @model_validator(mode="after")
    def _shape(self) -> Self:
        columns = [column.id for column in self.column]
        rows = [row.id for row in self.row]
        once = {
            "column id": columns,
            "row id": rows,
            "protocol": [protocol.name for protocol in self.protocols],
            "[[cell]]": [f"{cell.row}/{cell.column}" for cell in self.cell],
        }
        for what, ids in once.items():
            twice = sorted({i for i in ids if ids.count(i) > 1})
            if twice:
                raise ValueError(f"duplicate {what} {twice[0]!r}")
        for row in self.row:
            if len(row.cells) != len(columns):
                raise ValueError(
                    f"row {row.id!r} has {len(row.cells)} cells for {len(columns)} columns"
                )
            _known("bold column", row.bold, columns)
            if row.rival_recipe and row.rival is None:
                raise ValueError(f"row {row.id!r} has a rival_recipe, but no rival")
        for cell in self.cell:
            _known("row of a [[cell]]", [cell.row], rows)
            _known("column of a [[cell]]", [cell.column], columns)
        _known(
            "protocol", [self.protocol] if self.protocol else [], [p.name for p in self.protocols]
        )
        _known("primary row or column", self.statistics.primary, [*rows, *columns])
        for what, parts in (("scored", self.scored), ("tested", self.tested)):
            for part in parts:
                _known(f"row of a [[{what}]]", part.rows, rows)
                _known(f"column of a [[{what}]]", part.columns, columns)
        return self


def _known(what: str, names: list[str], valid: list[str]) -> None:
    """Raise for the first name that is not valid, with the nearest one that is."""
    for name in names:
        if name not in valid:
            near = nearest(name, valid)
            raise ValueError(
                f"unknown {what} {name!r}" + (f": did you mean {near!r}?" if near else "")
            )


Spec = TypeVar("Spec", bound=Strict)


def read(path: Path, model: type[Spec]) -> Spec:
    """Read a TOML file as `model`; every mistake becomes one message that names file and key."""
    return check(path, model, read_toml(path))


def check(path: Path, model: type[Spec], content: dict[str, Any], above: str = "") -> Spec:
    """Return what a file holds as `model`; `above`: the key in the file below which it stands."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [_explain(item, model) for item in error.errors()]
        under = f"{above}." if above else ""
        text = "\n".join(f"{path}: {under}{line}" for line in lines)
        raise UserError(text, "mend the file, then ask again") from None


def mistakes(model: type[BaseModel], path: str, value: Any) -> list[str]:
    """Say why a value cannot stand at a dotted path of a model; what else it needs is left out."""
    nested: Any = value
    for part in reversed(path.split(".")):
        nested = {part: nested}
    try:
        model.model_validate(nested)
    except ValidationError as error:
        return [_explain(item, model) for item in error.errors() if item["type"] != "missing"]
    return []


def _explain(item: Any, model: type[BaseModel]) -> str:
    """Turn one pydantic error into a sentence with key, value and nearest valid name."""
    location = [part for part in item["loc"] if not str(part).startswith("function-")]
    key = ".".join(str(part) for part in location) or "file"
    if item["type"] == "extra_forbidden":
        near = nearest(str(location[-1]), _fields_at(model, location[:-1]))
        return f"{key}: unknown key" + (f": did you mean {near!r}?" if near else "")
    if item["type"] == "missing":
        return f"{key}: missing"
    if item["type"] == "value_error":
        return f"{key}: {item['ctx']['error']}"
    text: str = item["msg"]
    return f"{key}: {text[0].lower()}{text[1:]}, found {item['input']!r}"


def _fields_at(model: type[BaseModel], location: list[Any]) -> list[str]:
    """Return the keys that are valid at a location inside a model."""
    here: type[BaseModel] = model
    for part in location:
        if part in here.model_fields:
            nested = _nested_model(here.model_fields[part].annotation)
            if nested is not None:
                here = nested
    return list(here.model_fields)


def _nested_model(annotation: Any) -> type[BaseModel] | None:
    """Find the model inside list[...], dict[..., ...] or an optional."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        found = _nested_model(inner)
        if found is not None:
            return found
    return None
