"""Tables as they are asked for: other data without a print, systems of the user's and of others."""

import textwrap

import pytest

from repro.errors import UserError
from repro.spec import catalogue, lines
from repro.spec.lines import trains

NETWORK = "def build(classes, input_shape, width=4): ...\n"


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Write files of the user's; return the function that does."""
    monkeypatch.setenv("REPRO_EXTENSIONS", str(tmp_path))
    (tmp_path / "models").mkdir()

    def write(training, network=NETWORK, name="mynet"):
        (tmp_path / "models" / f"{name}.toml").write_text(textwrap.dedent(training))
        if network is not None:
            (tmp_path / "models" / f"{name}.py").write_text(network)
        return tmp_path / "models"

    return write


def fit(table, on="", systems=(), own=()):
    return lines.fit(catalogue.load(table), on, systems, own, catalogue.load_all)


def cells(entry):
    return {
        (row.id, column.id): (text, entry.fields(row, column))
        for row in entry.table.row
        for column, text in zip(entry.table.column, row.cells, strict=True)
    }


def test_on_other_data_every_table_keeps_its_systems_and_loses_its_print():
    for entry in catalogue.load_all():
        trained = {str(f.system) for _, f in cells(entry).values() if trains(f)}
        if not trained:
            assert fit(entry.id, "birds") is entry
            with pytest.raises(UserError, match="trains nothing"):
                fit(entry.id, own=("mynet",))
            continue
        fitted = fit(entry.id, "birds")
        left = cells(fitted)
        assert {text for text, _ in left.values()} == {""}, entry.id
        assert {str(f.system) for _, f in left.values() if f.kind == "trained"} == trained
        assert {f.kind for _, f in left.values()} <= {"trained", "measured", "declared"}
        counted = {f.system for _, f in left.values() if f.metric == "parameters"}
        assert counted == trained, entry.id
        assert fitted.table.claim == fitted.table.footnotes == []
        assert "birds" in fitted.table.title
        for named in (fitted.table.row, fitted.table.column):
            assert len({one.label for one in named}) == len(named), entry.id


def test_lines_of_other_data_that_share_a_label_have_their_system_behind_it():
    labels = [row.label for row in fit("eat-esc50", "birds").table.row]
    assert labels == ["EAT-S (eat-s)", "EAT-S (eat-s@audioset)", "EAT-M"]


@pytest.mark.parametrize(
    ("table", "place"),
    [("m3net-urbansound8k", ("mynet", "accuracy")), ("asmrh-ablation", ("t-acc", "mynet"))],
)
def test_a_model_of_the_users_gets_a_line_like_the_first_and_changes_no_other(mine, table, place):
    mine('model = "mynet"\nlabel = "My net"')
    before, fitted = catalogue.load(table), fit(table, own=("mynet",))
    after = cells(fitted)
    _, fields = after[place]
    assert (fields.kind, fields.system, fields.metric) == ("trained", "mynet", "test.accuracy")
    first = next(f for _, f in cells(before).values() if trains(f))
    assert (fields.dataset, fields.protocol, fields.seeds) == (
        first.dataset, first.protocol, first.seeds
    )  # fmt: skip
    assert {at: cell for at, cell in after.items() if at in cells(before)} == cells(before)
    assert fitted.recipes.recipes["mynet"].epochs == before.recipes.recipes[first.recipe].epochs
    assert fitted.said == (
        f"mynet is yours (models/mynet.py): trained as {first.system} in every value.",
    )


def test_what_its_file_changes_is_taken_and_said(mine):
    mine("""
        model = "mynet"
        [frontend]
        mels = 40
        [recipe]
        epochs = 7
        optimizer = { lr = 0.5 }
        schedule = { name = "constant" }
    """)
    fitted = fit("m3net-urbansound8k", own=("mynet",))
    recipe = fitted.recipes.recipes["mynet"]
    theirs = catalogue.load("m3net-urbansound8k").recipes.recipes["scratch"]
    assert (recipe.epochs, recipe.batch, recipe.optimizer.lr) == (7, theirs.batch, 0.5)
    assert recipe.optimizer.name == "adam"  # of the same optimiser the rest stays
    assert (recipe.schedule.name, recipe.schedule.rise) == ("constant", 0.0)  # another schedule
    (said,) = fitted.said
    for text in ("frontend.mels 40 (there 64)", f"recipe.epochs 7 (there {theirs.epochs})",
                 f"recipe.optimizer.lr 0.5 (there {theirs.optimizer.lr})"):  # fmt: skip
        assert text in said
    assert "batch" not in said


def test_systems_of_several_papers_stand_side_by_side_in_the_order_asked_for(mine):
    mine('model = "mynet"')
    fitted = fit("m3net-urbansound8k", "birds", ("eat-s@audioset", "mynet", "m3net"))
    assert [row.id for row in fitted.table.row] == ["eat-s@audioset", "mynet", "M3Net"]
    systems = fitted.recipes.systems
    assert {"eat-s@audioset", "mynet", "m3net"} <= systems.keys()
    (parent,) = systems["eat-s@audioset"].init
    assert parent.recipe in fitted.recipes.recipes  # what it starts from has come along
    assert parent.name in systems
    for assumption in fitted.recipes.assumption:  # of another paper's silence nothing is assumed
        of_eat = assumption.key.startswith("eat/")
        if assumption.path.startswith(("model.", "recipe.", "frontend.")):
            assert of_eat != bool({"m3net", "m3net-1s"} & {*assumption.systems})
            assert "mynet" not in assumption.systems


@pytest.mark.parametrize(
    ("training", "network", "said"),
    [
        ('model = "mynet"\nlable = "x"', NETWORK, "mynet.toml: lable: unknown key: did you mean"),
        ('model = "mynet"\n[recipe]\nepochs = 0', NETWORK, "mynet.toml: recipe.epochs: "),
        ('model = "mynet"\n[recipe]\nepoch = 3', NETWORK, "mynet.toml: recipe.epoch: unknown key"),
        ('model = "mynet"', None, "there is no file"),
        ('model = "mynet"', "x = 1\ndef build(:\n", "mynet.py, line 2: "),
        ('model = "mynet"', "x = 1\n", "mynet.py: no function build"),
    ],
)
def test_a_mistake_in_a_file_of_the_users_is_named_with_its_place(mine, training, network, said):
    mine(training, network)
    with pytest.raises(UserError) as error:
        fit("m3net-urbansound8k", own=("mynet",))
    assert said in error.value.message
    assert error.value.next_step


def test_a_name_that_is_nowhere_gets_the_nearest(mine):
    mine('model = "mynet"')
    with pytest.raises(UserError, match="did you mean 'mynet'"):
        fit("m3net-urbansound8k", own=("mynett",))
    with pytest.raises(UserError, match="did you mean 'eat-s'"):
        fit("m3net-urbansound8k", "birds", ("eat-ss",))
    mine('model = "mynet"', name="m3net")
    with pytest.raises(UserError, match="has a system of that name"):
        fit("m3net-urbansound8k", own=("m3net",))
