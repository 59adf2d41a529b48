from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from repro.data import lists, manifest, protocols
from repro.data.lists import Clip
from repro.data.protocols import Split
from repro.errors import UserError

NAME = "speech_commands_v2_35"


def clip(name: str, label: str = "a", group: str | None = None, part: str = "train") -> Clip:
    return Clip(name, label, group or name, part)


A, B, C, D = clip("1"), clip("2", "b"), clip("3"), clip("4", "b")
SPLIT = Split((A, B), (C,), (D,))


def sizes(split):
    return tuple(len(clips) for clips in split.parts().values())


def groups(clips):
    return {clip.group for clip in clips}


def birds(counts, classes="ab", part="", per_group=1):
    """Return `counts` clips; classes take turns, groups hold `per_group` clips."""
    clips = [
        clip(f"{n:04d}", classes[n % len(classes)], f"g{n // per_group}", part)
        for n in range(counts)
    ]
    return lists.build("birds", clips)


def test_official_gives_the_datasets_own_parts():
    (split,) = protocols.splits(manifest.load(NAME), "official")
    assert sizes(split) == (84843, 9981, 11005)


def test_official_folds_are_tested_in_turn_and_the_next_ones_validate():
    clips = [clip(f"{part}{n}", part=str(part)) for part in range(1, 11) for n in range(part)]
    folds = protocols.splits(lists.build("birds", clips), "official", folds=10, valid=0.111111)
    for number, split in enumerate(folds, start=1):
        after = number % 10 + 1
        assert {c.part for c in split.test} == {str(number)}
        assert {c.part for c in split.valid} == {str(after)}
        assert {c.part for c in split.train} == {str(n) for n in range(1, 11)} - {
            str(number), str(after)
        }  # fmt: skip
        assert sum(sizes(split)) == 55
    without = protocols.splits(lists.build("birds", clips), "official", folds=10)
    assert [sizes(split)[1] for split in without] == [0] * 10
    three = protocols.splits(lists.build("birds", clips), "official", folds=10, valid=0.3)
    assert {c.part for c in three[8].valid} == {"10", "1", "2"}, "2.7 of nine folds are three"


def test_clips_in_no_official_part_are_left_out():
    (split,) = protocols.splits(manifest.load("gtzan"), "official")
    assert sizes(split) == (443, 197, 290)


def test_validation_is_drawn_from_train_where_the_dataset_names_none():
    clips = [clip(str(n), part="train") for n in range(90)] + [clip("x", part="test")]
    listed = lists.build("birds", clips)
    (split,) = protocols.splits(listed, "official", valid=0.1)
    assert sizes(split) == (81, 9, 1)
    assert sizes(protocols.splits(listed, "official")[0]) == (90, 0, 1)


def test_random_hold_out_has_the_sizes_of_the_paper_rounded_up():
    """UrbanSound8K: 874 = ceil(8732 / 10), the size that the printed numbers lead to."""
    listed = manifest.load("urbansound8k")
    (split,) = protocols.splits(listed, "random", valid=0.1, test=0.1)
    assert sizes(split) == (6984, 874, 874)
    assert set(split.train) | set(split.valid) | set(split.test) == set(listed.clips)
    casia = manifest.load("casia")
    assert sizes(protocols.splits(casia, "random", valid=0.1, test=0.1)[0]) == (7680, 960, 960)


def test_shares_are_taken_as_the_decimal_that_is_written():
    assert protocols.share_of(0.1, 30) == 3  # 0.1 * 3 is above 0.3 in binary
    assert protocols.share_of(0.07, 100) == 7  # 7.000000000000001
    assert protocols.share_of(0.29, 100) == 29  # 28.999999999999996
    assert protocols.share_of(0.1, 8732) == 874
    assert protocols.share_of(0.0, 8732) == 0


def test_a_stratified_hold_out_has_each_genre_alike():
    """GTZAN 80 / 20: 800 and 200 tracks, "the same data distribution"."""
    listed = manifest.load("gtzan")
    (split,) = protocols.splits(listed, "random", test=0.2, stratified=True, seed=3)
    assert sizes(split) == (800, 0, 200)
    assert set(Counter(c.label for c in split.test).values()) == {20}
    (plain,) = protocols.splits(listed, "random", test=0.2, seed=3)
    assert len(set(Counter(c.label for c in plain.test).values())) > 1


MADE = st.builds(birds, st.integers(30, 90), st.sampled_from(["a", "ab", "aab", "abcc"]),
                 per_group=st.integers(1, 3))  # fmt: skip


@example(birds(82, "abcc"), 6, True, 0)  # eight clips of a class in one fold, five in another
@given(MADE, st.integers(3, 7), st.booleans(), st.integers(0, 9))
def test_random_folds_are_even_disjoint_and_cover_all(listed, folds, stratified, seed):
    turns = protocols.splits(listed, "random", folds=folds, valid=1 / folds, stratified=stratified,
                             seed=seed)  # fmt: skip
    tested = [c for split in turns for c in split.test]
    assert sorted(tested) == list(listed.clips)
    assert max(len(s.test) for s in turns) - min(len(s.test) for s in turns) <= 1
    for number, split in enumerate(turns):
        assert split.valid == turns[(number + 1) % folds].test
        assert len({*split.train, *split.valid, *split.test}) == sum(sizes(split))
    if stratified:
        for label, count in Counter(clip.label for clip in listed.clips).items():
            share = Fraction(count, len(listed.clips))
            for split in turns:
                have = sum(c.label == label for c in split.test)
                off = abs(have - share * len(split.test))
                assert off <= 1 + share * (len(listed.classes) - 2)


@given(MADE, st.integers(3, 7), st.integers(0, 9))
def test_groups_never_cross(listed, folds, seed):
    turns = protocols.splits(listed, "grouped", folds=folds, valid=0.2, seed=seed)
    turns += protocols.splits(listed, "grouped", valid=0.2, test=0.2, seed=seed)
    for split in turns:
        parts = [groups(clips) for clips in split.parts().values()]
        assert not parts[0] & parts[1]
        assert not parts[0] & parts[2]
        assert not parts[1] & parts[2]
        assert sum(sizes(split)) == len(listed.clips)
        assert all(sizes(split))
    (hold_out,) = turns[folds:]
    most = protocols.share_of(0.2, len(listed.clips))
    assert most - 3 <= len(hold_out.test) <= most
    assert max(len(s.test) for s in turns[:-1]) - min(len(s.test) for s in turns[:-1]) <= 3


def test_grouped_folds_of_the_papers_datasets():
    casia = protocols.splits(manifest.load("casia"), "grouped", folds=4, valid=0.333333)
    for split in casia:
        assert sizes(split) == (4800, 2400, 2400)
        assert len(groups(split.test)) == len(groups(split.valid)) == 1
    ravdess = protocols.splits(manifest.load("ravdess_speech"), "grouped", folds=10, valid=0.111111)
    assert sorted(len(groups(split.test)) for split in ravdess) == [2] * 6 + [3] * 4
    assert len({frozenset(groups(split.test)) for split in ravdess}) == 10


@given(st.sampled_from(["random", "grouped"]), st.randoms())
def test_a_split_follows_from_clips_and_seed_alone(kind, random):
    listed = birds(60, per_group=3)
    shuffled = lists.Manifest("other", tuple(random.sample(listed.clips, 60)), listed.classes)
    one = protocols.splits(listed, kind, valid=0.1, test=0.2, seed=1)[0]
    again = protocols.splits(shuffled, kind, valid=0.1, test=0.2, seed=1)[0]
    assert one.digest == again.digest
    other = protocols.splits(listed, kind, valid=0.1, test=0.2, seed=2)[0]
    assert one.digest != other.digest


def test_equal_splits_under_two_names_have_one_digest():
    """Four speakers: a fold of the grouped protocol is the official fold of that speaker."""
    official = [c._replace(part=str(1 + "abcd".index(c.group))) for c in
                (clip(f"{n}", group="abcd"[n % 4], part="") for n in range(40))]  # fmt: skip
    folds = protocols.splits(lists.build("x", official), "official", folds=4)
    dealt = protocols.splits(lists.build("y", official), "grouped", folds=4)
    assert {split.digest for split in folds} == {split.digest for split in dealt}


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("offical", {}, "'official'"),
        ("official", {"folds": 5}, "2 official folds; the protocol asks for folds = 5"),
        ("official", {}, "2 official folds; the protocol asks for folds = 1"),
        ("official", {"folds": 2, "test": 0.1}, "leave test out"),
        ("official", {"folds": 2, "valid": 0.5}, "leaves none to train on"),
        ("random", {}, "either test .* or folds"),
        ("random", {"test": 0.1, "folds": 3}, "either test .* or folds"),
        ("random", {"test": 0.6, "valid": 0.4}, "no shares of the clips"),
        ("random", {"test": -0.1}, "no shares of the clips"),
        ("random", {"folds": 9}, "4 clips are too few"),
        ("grouped", {"folds": 3}, "2 groups are too few"),
        ("grouped", {"test": 0.5, "stratified": True}, "cannot be stratified"),
    ],
)
def test_settings_that_do_not_go_together_are_named(kind, settings, message):
    clips = [clip(str(n), group=f"g{n % 2}", part=str(1 + n % 2)) for n in range(4)]
    with pytest.raises(UserError, match=message):
        protocols.splits(lists.build("birds", clips), kind, **settings)


def test_a_dataset_without_official_parts_says_so():
    for listed in (birds(4), birds(4, part="dev"), manifest.load("ravdess_speech")):
        with pytest.raises(UserError, match="has no official split") as caught:
            protocols.splits(listed, "official")
        assert "random or grouped" in caught.value.next_step


def test_the_statement_says_how_validation_is_nested():
    say = protocols.statement
    assert say("official", 10, 0.111111) == (
        "10 official folds, each the test set once; the next fold is the validation set"
    )
    assert say("official", 5) == "5 official folds, each the test set once; no validation set"
    assert say("grouped", 10, 0.3).endswith("the next 3 folds are the validation set")
    assert say("random", 1, 0.1, 0.1) == "clips drawn at random: 0.1 test, 0.1 validation"
    assert "each class by the same share" in say("random", 1, 0.0, 0.2, stratified=True)
    assert say("official") == "the dataset's own parts"


def test_the_digest_rests_on_part_id_and_label_alone():
    same = Split((B, A._replace(group="z", part="7")), (C,), (D,))
    assert same.digest == SPLIT.digest
    others = [
        Split((A,), (B, C), (D,)),
        Split((A, B), (D,), (C,)),
        Split((A, B._replace(label="a")), (C,), (D,)),
        Split((A, B._replace(id="5")), (C,), (D,)),
        Split((A, B), (C,), ()),
    ]
    assert len({SPLIT.digest, *(other.digest for other in others)}) == 6


def test_restrict_keeps_the_clips_at_hand():
    assert protocols.restrict(SPLIT, {"2", "4", "9"}) == Split((B,), (), (D,))


LABELS = st.lists(st.sampled_from("abc"), min_size=1, max_size=30)


@given(LABELS, st.integers(0, 40), st.integers(0, 2**63 - 1), st.randoms())
def test_cap_is_even_over_classes_nested_and_blind_to_order(labels, count, key, random):
    clips = tuple(clip(f"{number:02d}", label) for number, label in enumerate(labels))
    capped = protocols.cap(Split(clips, (C,), (D,)), {"train": count}, key)
    assert (capped.valid, capped.test) == ((C,), (D,))
    assert len(capped.train) == min(count, len(clips))
    assert list(capped.train) == [c for c in clips if c in capped.train]

    have, took = Counter(labels), Counter(c.label for c in capped.train)
    most = max(took.values(), default=0)
    assert all(took[label] >= min(have[label], most - 1) for label in have)

    more = protocols.cap(Split(clips, (), ()), {"train": count + 1}, key)
    assert set(capped.train) <= set(more.train)
    shuffled = random.sample(clips, len(clips))
    again = protocols.cap(Split(tuple(shuffled), (), ()), {"train": count}, key)
    assert set(again.train) == set(capped.train)


def test_another_key_caps_to_other_clips():
    (split,) = protocols.splits(manifest.load(NAME), "official")
    caps = {"train": 70, "valid": 35, "test": 35}
    one, other = (protocols.cap(split, caps, key) for key in (1, 2))
    assert {c.label for c in one.test} == set(manifest.load(NAME).classes)
    assert one == protocols.cap(split, caps, 1)
    assert len(set(one.train) & set(other.train)) < 10
