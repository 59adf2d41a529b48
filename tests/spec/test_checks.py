"""What a table declares of its statistics has to be what its runs get, and a value of its kind."""

import shutil

import pytest

from repro.errors import UserError
from repro.spec import catalogue
from repro.spec.index import table_paths
from tests.fake_ledger import edited, planned

# A change of a shipped file, and the words of its refusal.
WRONG = {
    "seeds that share a split each are no independent seeds": (
        "asmrh-casia", {'decider = "corrected-t"': 'decider = "welch"'},
        "statistics.decider = 'welch', but protocol 'random' has a split for each seed, so "
        "'corrected-t' decides",
    ),
    "seeds on one fixed split are": (
        "asmrh-speechcommands", {'decider = "welch"': 'decider = "corrected-t"'},
        "share no splits that differ, so 'welch' decides",
    ),
    "a claim over folds": (
        "eat-phase", {'test = "corrected-t"': 'test = "welch"'},
        "[[claim]] 1, phase-magnitude > magnitude: protocol 'official' has 5 folds, so the test is "
        "'corrected-t', not 'welch'",
    ),
    "a claim over seeds with splits of their own": (
        "gafx-baseline", {'test = "corrected-t"': 'test = "welch"'},
        "has a split for each seed, so the test is 'corrected-t', not 'welch'",
    ),
    "a quoted number": (
        "eat-urbansound8k",
        {'test = "one-sample-t"\n\n[[assumption]]': 'test = "welch"\n\n[[assumption]]'},
        "one side is quoted, so the test is 'one-sample-t', not 'welch'",
    ),
    "a test against a quoted number where both sides are ours": (
        "eat-audioset", {'test = "welch"': 'test = "one-sample-t"'},
        "so the test is 'welch', not 'one-sample-t'",
    ),
    "a metric that no cell has": (
        "eat-phase", {'worse = "magnitude"\nmetric = "test.accuracy"':
                      'worse = "magnitude"\nmetric = "test.auc"'},
        "unknown side of a [[claim]] on test.auc",
    ),
    "a side that no cell is": (
        "eat-phase", {'better = "phase-magnitude"': 'better = "phase-magnitud"'},
        "did you mean 'phase-magnitude'",
    ),
    "a run over folds": (
        "eat-esc50", {'unit = "pass"': 'unit = "run"'},
        "statistics.unit = 'run', but its protocols have folds: a pass over them is the unit",
    ),
    "a pass of a hold-out": (
        "gafx-genre", {'unit = "run"': 'unit = "pass"'},
        "statistics.unit = 'pass', but its protocols have no folds: a run is the unit",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_statistics_that_the_runs_do_not_get_are_refused(case, tmp_path):
    table, changes, said = WRONG[case]
    with pytest.raises(UserError) as caught:
        edited(tmp_path, table, changes)
    assert said in caught.value.message
    assert f"{table.partition('-')[2]}.toml" in caught.value.message


def test_mcnemar_may_be_declared_for_any_two_systems_of_ours(tmp_path):
    """One run each is compared clip by clip, whatever their seeds share."""
    edited(tmp_path, "eat-phase", {'test = "corrected-t"': 'test = "mcnemar"'})


def test_shipped_tables_use_all_the_tests():
    tests = {c.test for entry in catalogue.load_all() for c in entry.table.claim}
    assert tests == {"welch", "corrected-t", "one-sample-t"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("behind = 0", "greater than or equal to 1, found 0"),
        ("behind = -1", "greater than or equal to 1, found -1"),
        ("behind = 3.0", "valid integer, found 3.0"),
        ("behind = true", "valid integer, found True"),
        ("margin = 0", "greater than 0, found 0"),
        ("margin = -1.0", "greater than 0, found -1.0"),
    ],
)
def test_counts_and_margins_are_numbers_that_can_be(line, said, tmp_path):
    primary = 'primary = ["t-acc"]'
    with pytest.raises(UserError) as caught:
        edited(tmp_path, "asmrh-ablation", {primary: f"{primary}\n{line}"})
    assert f"statistics.{line.partition(' ')[0]}: input should be" in caught.value.message
    assert said in caught.value.message


ALTERNATIVES = {  # key: an alternative as it stands, and what it is about
    "splits-behind": ('value = 3, why = "each seed', "statistics.behind"),
    "batch-25-epochs": ("value = 128, why = \"AST's for Speech", "recipe.batch"),
    "channel-hidden": ('value = 768, why = "no expansion', "model.args.channel_hidden"),
}


@pytest.mark.parametrize("value", ['"128"', "12.5", "true", "[128]"])
@pytest.mark.parametrize("key", ALTERNATIVES)
def test_an_alternative_is_of_the_kind_of_its_setting(key, value, tmp_path):
    """Else pydantic would find out a batch of "128", and the network a width of 12.5."""
    text, path = ALTERNATIVES[key]
    source = table_paths()["asmrh-ablation"]
    paper = shutil.copytree(source.parent, tmp_path / "asmrh")
    recipes = paper / "recipes.toml"
    before = recipes.read_text()
    assert before.count(text) == 1
    number = text.split()[2].rstrip(",")
    recipes.write_text(before.replace(text, text.replace(number, value, 1)))

    def plan():
        planned(
            tmp_path, catalogue.load_file(paper / source.name), assume={key: value.strip('"[]')}
        )

    with pytest.raises(UserError) as caught:
        plan()
    message = caught.value.message
    assert key in message
    assert path in message
    assert value.strip('"').capitalize() in message.replace("'", "")


def test_what_an_alternative_brings_along_has_to_exist(tmp_path):
    source = table_paths()["asmrh-ablation"]
    paper = shutil.copytree(source.parent, tmp_path / "asmrh")
    recipes = paper / "recipes.toml"
    text = 'value = 128, why = "AST\'s for Speech Commands"'
    before = recipes.read_text()
    recipes.write_text(before.replace(text, f'{text}, also = {{ "recipe.epoch" = 5 }}'))
    with pytest.raises(UserError, match=r"recipe\.epoch: unknown key: did you mean 'epochs'"):
        catalogue.load_file(paper / source.name)
