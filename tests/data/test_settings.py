"""Each kind of protocol has settings of its own, whatever the user filled in: the whole matrix."""

from collections import Counter

import pytest

from repro.data import clips, guards, lists, manifest, protocols, settings
from repro.data.clips import ClipSource
from repro.data.lists import Clip
from repro.errors import UserError

COUNT = 120
GROUPS = {"none": None, "one": 1, "two": 2, "few": 4, "many": 20}
PARTS = {
    "none": lambda n: "",
    "train valid test": lambda n: ("train", "train", "train", "valid", "test")[n % 5],
    "train test": lambda n: ("train", "train", "test")[n % 3],
    "train test, some blank": lambda n: ("train", "test", "")[n % 3],
    "train valid": lambda n: ("train", "valid")[n % 2],
    "test": lambda n: "test",
    "test, the rest blank": lambda n: ("test", "")[n % 2],
    "valid test": lambda n: ("valid", "test")[n % 2],
    "five folds": lambda n: str(1 + n % 5),
    "five folds, some blank": lambda n: (*"12345", "")[n % 6],
    "two folds": lambda n: str(1 + n % 2),
    "one fold": lambda n: "1",
    "folds from 0, one left out": lambda n: ("0", "1", "3", "10")[n % 4],
}  # fmt: skip


def data(parts, groups):
    """Return a list of 120 clips of two classes; groups are dealt so that they cross all parts."""
    of = GROUPS[groups] or COUNT
    names = [f"{n:03d}.wav" if of == COUNT else f"g{n // 7 % of}" for n in range(COUNT)]
    made = (Clip(f"{n:03d}.wav", "ab"[n % 2], names[n], PARTS[parts](n)) for n in range(COUNT))
    return lists.build("mine", made)


HOLD_OUT = {"test": 0.2, "valid": 0.1}
FIVE = {"folds": 5, "valid": 0.25}
FOUR = {"folds": 4, "valid": 0.333333}  # three to train and validate on, so one of three
OFFICIAL = {
    "train valid test": {"valid": 0.0},
    "train test": {"valid": 0.1},
    "train test, some blank": {"valid": 0.1},
    "five folds": FIVE,
    "five folds, some blank": FIVE,
    "folds from 0, one left out": FOUR,
}
# Why the parts make no protocol, and so what a dataset with them asks to be told.
UNUSABLE = {
    "train valid": "it names train and valid, but no test",
    "test": "it names test, but no train",
    "test, the rest blank": "it names test, but no train",
    "valid test": "it names valid and test, but no train",
    "two folds": "it names 2 folds: to test one, validate on another and train takes three",
    "one fold": "it names 1 fold: to test one, validate on another and train takes three",
}
NO_GROUPS = "every clip is a group of its own"
TOO_FEW = {"one": "its clips are of 1 group: ", "two": "its clips are of 2 groups: "}


def expected(parts, groups, kind):
    """Work out by hand what is right: settings, or the reason of a refusal."""
    own = OFFICIAL.get(parts)
    if kind in (None, "official") and own:
        return {"protocol": "official", **own}
    if kind in (None, "official") and parts in UNUSABLE:
        return UNUSABLE[parts]
    if kind == "official":
        return "it names no split and no folds"
    if kind == "grouped" or (kind is None and groups != "none"):
        if groups == "none":
            return NO_GROUPS
        if groups in TOO_FEW:
            return TOO_FEW[groups]
        if own and "folds" in own:  # as many as the official ones, but no more than groups
            return {"protocol": "grouped", **(FOUR if groups == "few" else own)}
        if own or groups == "many":
            return {"protocol": "grouped", **HOLD_OUT}
        return {"protocol": "grouped", **FOUR}
    plain = parts == "none" and groups == "none"
    sizes = HOLD_OUT
    if own and "folds" in own:
        sizes = own
    elif not own and groups == "few":
        sizes = FOUR
    return {"protocol": "random", **sizes, "stratified": plain}


@pytest.mark.parametrize("kind", [None, "official", "random", "grouped"])
@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("parts", PARTS)
def test_the_whole_matrix(parts, groups, kind):
    listed = data(parts, groups)
    right = expected(parts, groups, kind)
    if isinstance(right, str):
        with pytest.raises(UserError) as caught:
            settings.called_for(listed, kind)
        assert caught.value.message.startswith(f"mine: {right}")
        assert "--protocol random" in caught.value.next_step
        offered = caught.value.next_step.split("--protocol ")[1:]
        for other in offered:
            if kind is None:  # whatever is offered in place of the dataset's own works
                settings.called_for(listed, other.removesuffix(" or ").strip())
        return
    found = settings.called_for(listed, kind)
    assert found == right
    splits = protocols.splits(listed, **{"protocol": "", **found})
    assert len(splits) == found.get("folds", 1)
    _check(listed, splits, found)


def _check(listed, splits, found):
    """Check what holds for any such split: nothing held out is trained on, groups stay whole."""
    wrong = [
        f for f in guards.guards(splits, listed.classes, found["protocol"]) if f.level == "error"
    ]
    assert not wrong
    tested = Counter(clip.id for split in splits for clip in split.test)
    named = [clip for clip in listed.clips if clip.part]
    if found.get("folds", 1) > 1:
        pool = named if found["protocol"] == "official" else listed.clips
        assert tested == Counter(clip.id for clip in pool), "each is tested once"
    if found["protocol"] == "official" and found.get("folds", 1) == 1:
        (split,) = splits
        assert set(split.test) == {clip for clip in listed.clips if clip.part == "test"}
        assert {clip.part for clip in split.train} == {"train"}
        drawn = {clip.part for clip in split.valid}
        assert drawn == ({"train"} if found["valid"] else {"valid"})


def test_one_fold_validates_however_many_there_are():
    """Of seven folds 1 / 6, rounded to six places, is more than one fold: two would validate."""
    for folds in range(3, 1000):
        share = settings.folds_of(folds)["valid"]
        assert protocols.validation_folds(folds, share) == 1, folds
        assert abs(share - 1 / (folds - 1)) < 1e-6


def test_what_is_not_used_is_said():
    say = settings.unused
    assert say(data("five folds", "many"), "official") == ""
    assert say(data("none", "none"), "random") == ""
    assert say(data("five folds", "none"), "random") == "not used: the 5 folds that mine names"
    assert say(data("train valid", "many"), "grouped") == (
        "not used: the split (train, valid) that mine names"
    )
    assert say(data("train test", "few"), "random") == (
        "not used: the split (train, test) that mine names and its 4 groups"
    )


SHIPPED = {
    "urbansound8k": {"protocol": "official", "folds": 10, "valid": 0.111111},
    "esc50": {"protocol": "official", "folds": 5, "valid": 0.25},
    "gtzan": {"protocol": "official", "valid": 0.0},
    "speech_commands_v2_35": {"protocol": "official", "valid": 0.0},
    "ravdess_speech": {"protocol": "grouped", "test": 0.2, "valid": 0.1},
    "casia": {"protocol": "grouped", "folds": 4, "valid": 0.333333},
    "casia_1200": {"protocol": "grouped", "folds": 4, "valid": 0.333333},
    "audioset_balanced": {"protocol": "official", "valid": 0.1},
    "audioset_unbalanced": {"protocol": "official", "valid": 0.1},
}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_datasets_call_for_what_they_are_known_for(name, tmp_path):
    assert clips.called_for(name, tmp_path) == SHIPPED[name]
    if name != "audioset_unbalanced":
        ClipSource(name, "local", **SHIPPED[name])


def test_the_recorded_runs_are_found_by_the_same_words(tmp_path):
    """Records of 2025 are of these settings: RAVDESS by --protocol random, ESC-10 by each kind."""
    random = {"protocol": "random", "stratified": False}
    assert clips.called_for("ravdess_speech", tmp_path, "random") == {**random, **HOLD_OUT}
    assert clips.called_for("esc10", tmp_path, "random") == {**random, **FIVE}
    assert clips.called_for("esc10", tmp_path, "grouped") == {"protocol": "grouped", **FIVE}


def test_a_test_list_alone_is_not_trained_on(tmp_path):
    with pytest.raises(UserError, match="it names test, but no train"):
        clips.called_for("audioset_eval", tmp_path)
    with pytest.raises(UserError, match="every clip is a group of its own"):
        clips.called_for("audioset_balanced", tmp_path, "grouped")
    assert manifest.load("audioset_eval").counts() == {"test": 20371}
