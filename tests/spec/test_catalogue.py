"""Tables with their papers and recipes: all load, all names exist, the last word on a cell wins."""

import pytest

from repro import places
from repro.errors import UserError
from repro.spec import catalogue, index

ENTRIES = catalogue.load_all()


def test_the_folder_is_the_registry():
    files = {
        f"{path.parent.name}-{path.stem}"
        for path in places.shipped("tables").glob("*/*.toml")
        if path.name not in ("paper.toml", "recipes.toml") and path.parent.name != "rivals"
    }
    assert {entry.id for entry in ENTRIES} == files == set(index.table_paths())
    assert len(files) > 20


def test_tables_come_in_the_papers_order_and_the_printed_order():
    orders = [(entry.paper.order, entry.table.order) for entry in ENTRIES]
    assert orders == sorted(orders)
    assert len(set(orders)) == len(orders)
    assert {entry.paper_id for entry in catalogue.load_all("m3net")} == {"m3net"}
    assert [title.id for title in index.titles()] == [entry.id for entry in ENTRIES]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_a_table_file_opens_with_its_command(entry):
    first = entry.path.read_text().splitlines()[0]
    assert first.startswith("# repro ")
    assert entry.id in first


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_every_assumption_has_a_reason_and_another_reading(entry):
    keys = [assumption.key for assumption in entry.assumptions()]
    assert len(set(keys)) == len(keys)
    for assumption in entry.assumptions():
        assert assumption.why.strip()
        assert all(alternative.why.strip() for alternative in assumption.alternatives)


def test_the_last_word_on_a_cell_wins():
    """Table, column, row, then the cell's own entry."""
    entry = catalogue.load("asmrh-urbansound8k-10fold")
    rows = {row.id: row for row in entry.table.row}
    columns = {column.id: column for column in entry.table.column}
    ours = entry.fields(rows["ASM-RH-I"], columns["best"])
    assert ours.metric == "test.accuracy"  # of the table
    assert ours.reduce == "best"  # of the column
    assert (ours.kind, ours.seeds) == ("trained", [0, 1, 2])  # of the row
    cited = entry.fields(rows["EAT-M"], columns["avg"])
    assert cited.same_as == "eat-urbansound8k/EAT-M/accuracy"  # of the cell
    assert entry.fields(rows["EAT-M"], columns["best"]).same_as is None


def test_a_protocol_is_found_by_name_and_the_only_one_without():
    entry = catalogue.load("asmrh-speechcommands")
    assert entry.protocol(None) == entry.protocol("official")
    with pytest.raises(UserError, match="did you mean 'official'"):
        entry.protocol("offical")


def test_the_papers_assumptions_bear_on_the_tables_that_they_name():
    keys = {entry.id: {a.key for a in entry.assumptions()} for entry in ENTRIES}
    assert "split-10fold" in keys["asmrh-urbansound8k-10fold"]
    assert "split-10fold" not in keys["asmrh-speechcommands"]
    assert "hfft-axis" in keys["asmrh-speechcommands"]
    assert not keys["asmrh-speechcommands"] & {"split-urbansound8k", "loss-25-epochs"}


@pytest.mark.parametrize(
    ("load", "named", "near", "step"),
    [
        (lambda: catalogue.load("asmrh-speechcomands"), "asmrh-speechcomands",
         "'asmrh-speechcommands'", "repro list"),
        (lambda: catalogue.load_all("m3nett"), "m3nett", "'m3net'", "repro list"),
        (lambda: index.titles("m3nett"), "m3nett", "'m3net'", "repro list"),
    ],
)  # fmt: skip
def test_an_unknown_name_comes_with_the_nearest(load, named, near, step):
    with pytest.raises(UserError) as caught:
        load()
    assert named in caught.value.message
    assert near in caught.value.message
    assert caught.value.next_step == step


def test_table_1_of_asmrh_is_as_printed():
    """Against the printed page: caption, metrics down, systems across, two decimals."""
    table = catalogue.load("asmrh-speechcommands").table
    assert table.number == "I"
    assert [column.label for column in table.column] == ["ASM(%)", "ASM-I(%)", "ASM-RH(%)"]
    assert {row.label: row.cells for row in table.row} == {
        "v-acc": ["92.92", "94.70", "96.62"],
        "v-auc": ["99.77", "99.87", "99.84"],
        "t-acc": ["91.89", "94.01", "96.51"],
        "t-auc": ["99.73", "99.83", "99.89"],
    }
