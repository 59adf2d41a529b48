import pytest

from repro.data import guards as module
from repro.data import manifest, protocols
from repro.data.guards import Finding
from repro.data.lists import Clip
from repro.data.protocols import Split


def clip(name: str, label: str = "a", group: str | None = None, part: str = "train") -> Clip:
    return Clip(name, label, group or name, part)


def guards(split, classes, protocol="official", **options):
    return module.guards([split], classes, protocol, **options)


A, B, C, D = clip("1"), clip("2", "b"), clip("3"), clip("4", "b")


def test_a_sound_split_has_no_findings():
    sound = Split((A, B), (C, clip("5", "b")), (D, clip("6")))
    assert guards(sound, ("a", "b")) == []


def test_an_empty_part_and_a_shared_clip_are_errors():
    assert guards(Split((A,), (), (C,)), ("a",)) == [Finding("error", "valid has no clips")]
    shared = Split((A, B), (A, D), (A, D))
    texts = [f.text for f in guards(shared, ("a", "b")) if f.level == "error"]
    assert texts[:3] == [
        "1 clip in both train and valid: 1",
        "1 clip in both train and test: 1",
        "2 clips in both valid and test: 1, 4",
    ]


@pytest.mark.parametrize(
    ("protocol", "level"), [("official", "warning"), ("grouped", "error"), ("random", "warning")]
)
def test_groups_that_cross_are_judged_by_protocol(protocol, level):
    train = (clip("1", group="ann"), clip("2", group="bob"))
    test = (clip("3", group="bob"), clip("4", group="bob"), clip("5", group="eve"))
    valid = (clip("6", group="ann"),)
    assert guards(Split(train, valid, test), ("a",), protocol) == [
        Finding(level, "1 of 1 groups of valid are also in train (1 of 1 clip): ann"),
        Finding(level, "1 of 2 groups of test are also in train (2 of 3 clips): bob"),
    ]


def test_absent_classes_are_named_and_those_of_many_labels_count_each():
    split = Split((clip("1", "a;b"), clip("2", "c")), (clip("3", "b;c;a"),), (clip("4", "c"),))
    assert guards(split, ("a", "b", "c")) == [
        Finding("warning", "2 of 3 classes have no clip in test: a, b")
    ]
    many = [f"class{number:02d}" for number in range(14)]
    found = guards(split, ("a", "b", "c", *many))
    assert "14 of 17 classes have no clip in train: class00, " in found[0].text
    assert found[0].text.endswith("class09 and 4 more")


def test_errors_come_first():
    split = Split((clip("1", "a"),), (clip("2", "a"),), (clip("1", "a"),))
    levels = [finding.level for finding in guards(split, ("a", "b"))]
    assert levels == sorted(levels)
    assert set(levels) == {"error", "warning"}


def warnings(dataset, kind, **settings):
    listed = manifest.load(dataset)
    splits = protocols.splits(listed, kind, **settings)
    found = module.guards(splits, listed.classes, kind, hashes=listed.hashes)
    return [f"{f.level}: {f.text}" for f in found]


def test_official_folds_of_urbansound8k_share_five_recordings():
    """The recordings in two folds: 106905 132016 176638 180937 77751 (facts/datasets.md)."""
    found = warnings("urbansound8k", "official", folds=10, valid=0.111111)
    assert len(found) == 2
    assert all(text.startswith("warning: ") for text in found)
    assert "5 of 1,297 groups of test are also in train of the same fold" in found[1]
    assert found[1].endswith(": 106905, 132016, 176638, 180937, 77751")


def test_official_folds_of_esc50_share_four_recordings():
    (found,) = [text for text in warnings("esc50", "official", folds=5) if "test are also" in text]
    assert "4 of 1,524 groups of test" in found
    assert found.endswith(": 131943, 134049, 209698, 234879")


def test_a_random_split_shares_most_recordings():
    found = warnings("urbansound8k", "random", valid=0.1, test=0.1)
    shared = next(text for text in found if "groups of test" in text)
    touched = int(shared.partition("(")[2].split()[0])
    assert touched > 0.9 * 874
    assert "of 874 clips" in shared


def test_speaker_and_actor_folds_share_nothing():
    assert warnings("speech_commands_v2_35", "official") == []
    assert warnings("ravdess_speech", "grouped", folds=10, valid=0.111111) == []
    assert warnings("casia_1200", "grouped", folds=4, valid=0.333333) == []


def test_equal_files_are_found_by_their_hash():
    """GTZAN has 14 pairs of equal files; the fault-filtered split holds one of each at most."""
    assert warnings("gtzan", "official") == []
    found = warnings("gtzan", "random", test=0.2, stratified=True)
    assert any("of test equal one in train" in text for text in found)
    # RAVDESS: the one pair is one actor's, so actor folds cannot part it
    split = Split((A, B), (clip("5"), clip("6", "b")), (D, clip("7")))
    found = guards(split, ("a", "b"), hashes={"1": "same", "4": "same"})
    assert found == [Finding("warning", "1 file of test equal one in train: 4")]


def test_an_empty_validation_set_matters_only_to_selection_on_it():
    split = Split((A,), (), (C,))
    assert guards(split, ("a",), select="last") == []
    assert guards(split, ("a",), select="valid") == [Finding("error", "valid has no clips")]
    assert guards(split, ("a",), select="test") == [
        Finding("warning", "the best epoch is chosen on the test set")
    ]


def test_folds_are_told_apart_where_one_is_broken():
    sound = Split((A, B), (clip("5"), clip("6", "b")), (C, D))
    found = module.guards([sound, Split((A,), (), (A, B))], ("a", "b"))
    assert [f.text for f in found if f.level == "error"] == [
        "fold 2: valid has no clips",
        "fold 2: 1 clip in both train and test: 1",
    ]
    assert "1 of 2 classes have no clip in train of 1 of 2 folds: b" in [f.text for f in found]
