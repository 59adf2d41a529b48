"""Table files: every mistake becomes a message that names file, key, value and the nearest name."""

import shutil

import pytest
from pydantic import ValidationError

from repro import places
from repro.errors import UserError
from repro.spec import catalogue, index, schema


@pytest.fixture
def paper(tmp_path):
    """A copy of ASM-RH's files that a test may spoil."""
    folder = tmp_path / "asmrh"
    shutil.copytree(places.shipped("tables") / "asmrh", folder)
    return folder


def spoil(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


# file, what is replaced, by what, and what the message must say
MISTAKES = {
    "no TOML": ("speechcommands.toml", 'number = "I"', 'number = "I', ["not valid TOML", "line"]),
    "an unknown key": ("speechcommands.toml", "caption =", "captoin =", ["captoin", "'caption'"]),
    "an unknown key in a row": (
        "speechcommands.toml", 'label = "v-acc"', 'lable = "v-acc"', ["row.0.lable", "'label'"],
    ),
    "an unknown key in a recipe": (
        "recipes.toml", "batch = 128", "batsh = 128",
        ["recipes.speechcommands.batsh", "did you mean 'batch'", "batch: missing"],
    ),
    "a missing key": ("speechcommands.toml", 'number = "I"\n', "", ["number: missing"]),
    "a word for a number": (
        "recipes.toml", "epochs = 30", 'epochs = "thirty"', ["epochs", "'thirty'"],
    ),
    "a number out of range": ("recipes.toml", "epochs = 30", "epochs = 0", ["epochs", "found 0"]),
    "a rate that is not positive": ("recipes.toml", "lr = 2.5e-4", "lr = -1.0", ["lr", "-1.0"]),
    "a word that is none of those": (
        "recipes.toml", 'precision = "bf16"', 'precision = "bf17"',
        ["precision", "'bf16'", "'bf17'"],
    ),
    "an unknown optimiser": (
        "recipes.toml", 'name = "adam"', 'name = "adman"', ["'adam'", "'adman'"],
    ),
    "a cell too many": (
        "speechcommands.toml", '"92.92",', '"92.92", "1.00",', ["'v-acc'", "4 cells for 3 columns"],
    ),
    "a row twice": (
        "speechcommands.toml", 'id = "v-auc"', 'id = "v-acc"', ["duplicate row", "v-acc"],
    ),
    "a protocol that is not there": (
        "speechcommands.toml", 'protocol = "official"', 'protocol = "oficial"',
        ["'oficial'", "'official'"],
    ),
    "an unknown primary row": (
        "speechcommands.toml", '["t-acc"]', '["t-accc"]', ["'t-accc'", "'t-acc'"],
    ),
    "an assumption without alternatives": (
        "recipes.toml",
        'alternatives = [{ value = "max", why = "maximum over tokens" }]',
        "alternatives = []",
        ["alternatives"],
    ),
    "an unknown system": (
        "speechcommands.toml", 'system = "asm-rh"', 'system = "asm-rg"', ["'asm-rg'", "asm-r"],
    ),
    "an unknown recipe": (
        "speechcommands.toml", 'recipe = "speechcommands"', 'recipe = "speechcomands"',
        ["'speechcomands'", "'speechcommands'"],
    ),
    "an unknown front end": (
        "recipes.toml", 'frontend = "fbank"', 'frontend = "fbang"', ["'fbang'", "'fbank'"],
    ),
    "a trained cell without a metric": (
        "speechcommands.toml", 'metric = "valid.accuracy"\n', "", ["'v-acc' / 'ASM'", "'metric'"],
    ),
    "a seed twice": (
        "speechcommands.toml", "seeds = [0, 1, 2]", "seeds = [0, 0, 0]",
        ["seeds", "0 is listed twice"],
    ),
    "no seed": ("speechcommands.toml", "seeds = [0, 1, 2]", "seeds = []", ["seeds", "at least 1"]),
    "a negative seed": (
        "speechcommands.toml", "seeds = [0, 1, 2]", "seeds = [-1]",
        ["seeds.0", "-1"],
    ),
    "a seed beyond any": (
        "speechcommands.toml", "seeds = [0, 1, 2]", "seeds = [4294967296]",
        ["seeds.0", "4294967296"],
    ),
    "a date for a number": (
        "recipes.toml", "epochs = 30", "epochs = 2020-01-01",
        ["recipes.speechcommands.epochs", "date", "2020-01-01"],
    ),
    "a time in a demo": (
        "recipes.toml", "width = 64, depth", "width = 07:32:00, depth",
        ["demo.model.width", "time"],
    ),
    "a number that is infinite": ("recipes.toml", "lr = 2.5e-4", "lr = 9e999", ["lr", "inf"]),
    "no number": ("recipes.toml", "lr = 2.5e-4", "lr = nan", ["lr", "nan"]),
    "a number beyond any float": ("recipes.toml", "lr = 2.5e-4", "lr = 1" + "0" * 400, ["lr"]),
    "a number as a word": ("recipes.toml", "epochs = 30", 'epochs = "30"', ["epochs", "'30'"]),
    "true for a number": ("recipes.toml", "epochs = 30", "epochs = true", ["epochs", "True"]),
    "one for true": ("speechcommands.toml", "order = 1", "order = 1\ncore = 1", ["core"]),
    "a model that is no file of its own": (
        "recipes.toml", 'model = "asmrh"', 'model = "__init__"',
        ["model", "'__init__'"],
    ),
    "a model in another folder": (
        "recipes.toml", 'model = "asmrh"', 'model = "../train/loop"',
        ["model", "'../train/loop'"],
    ),
    "a shared part for a model": (
        "recipes.toml", 'model = "asmrh"', 'model = "_deit"',
        ["model", "'_deit'"],
    ),
    "a dataset in another folder": (
        "speechcommands.toml", 'dataset = "', 'dataset = "../',
        ["dataset", "'../"],
    ),
    "a vote twice": (
        "speechcommands.toml", '["t-acc"]', '["t-acc", "t-acc"]',
        ["primary", "'t-acc' is listed twice"],
    ),
    "an alternative twice": (
        "recipes.toml",
        'alternatives = [{ value = "max", why = "maximum over tokens" }]',
        'alternatives = [{ value = "max", why = "a" }, { value = "max", why = "b" }]',
        ["alternative 'max' is listed twice"],
    ),
    "the best of one fold": (
        "speechcommands.toml", 'reduce = "mean"', 'reduce = "best"', ["'best'", "folds"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_file_key_and_value(mistake, paper):
    file, old, new, said = MISTAKES[mistake]
    spoil(paper / file, old, new)
    with pytest.raises(UserError) as caught:
        catalogue.load_file(paper / "speechcommands.toml")
    message = caught.value.message
    assert "asmrh/" in message
    for fragment in said:
        assert fragment in message, message
    assert "pydantic" not in message
    assert "validation error" not in message


def test_all_mistakes_of_a_file_come_at_once(paper):
    spoil(paper / "speechcommands.toml", "caption =", "captoin =")
    spoil(paper / "speechcommands.toml", "order = 1", "order = 1.5")
    with pytest.raises(UserError) as caught:
        schema.read(paper / "speechcommands.toml", schema.Table)
    lines = caught.value.message.splitlines()
    assert all(line.startswith(str(paper / "speechcommands.toml")) for line in lines)
    for fragment in ("captoin", "caption: missing", "order", "1.5"):
        assert fragment in caught.value.message


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no such file: .*nothing\.toml"):
        schema.read(tmp_path / "nothing.toml", schema.Table)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"binary\.toml: cannot be read"):
        schema.read(tmp_path / "binary.toml", schema.Table)


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 5000 + "]" * 5000, ".".join(["a"] * 5000) + " = 1", "[" + ".a" * 5000 + "]",
     "a = " + "{ a = " * 5000 + "1" + " }" * 5000],
    ids=["lists", "dotted keys", "a table's name", "tables"],
)  # fmt: skip
def test_nesting_beyond_any_reader_is_one_message(text, tmp_path):
    (tmp_path / "deep.toml").write_text(text)
    with pytest.raises(UserError, match=r"deep\.toml: (nested too deeply|not valid TOML)"):
        schema.read(tmp_path / "deep.toml", schema.Table)


def test_a_byte_order_mark_is_no_letter(paper):
    path = paper / "speechcommands.toml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert schema.read(path, schema.Table).number == "I"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("order = 1", 'order = "first"', "order: not a number, found 'first'"),
        ("order = 1", "order = true", "order: not a number, found True"),
        ("order = 1", "order = 2020-01-01", "order: found a date"),
        ("order = 1", 'order = 1\nhours = "two"', "hours: not a number, found 'two'"),
    ],
)
def test_the_list_names_what_it_cannot_sort_or_add(old, new, said, paper, monkeypatch):
    """It reads files that nobody has validated."""
    monkeypatch.setattr(index, "shipped", lambda folder: paper.parent)
    path = paper / "speechcommands.toml"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("hours")]
    path.write_text("\n".join(lines).replace(old, new, 1))
    with pytest.raises(UserError, match=said):
        index.titles()


def test_what_was_read_never_changes():
    table = catalogue.load("asmrh-speechcommands").table
    with pytest.raises(ValidationError, match="frozen"):
        table.caption = "other"


def test_a_neutral_field_is_marked_and_no_first_field_is():
    assert schema.Recipe.model_fields["ema"].json_schema_extra == {"neutral": True}
    assert schema.Recipe.model_fields["epochs"].json_schema_extra is None
