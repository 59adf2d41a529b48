"""Which clips a run uses, for every kind of dataset and protocol."""

import json

import pytest

from repro.data import clips, lists, manifest, registry, sources
from repro.data.clips import ClipSource
from repro.errors import UserError

CAPS = (("test", 30), ("train", 90), ("valid", 20))


def sizes(selection):
    return tuple(len(part) for part in selection.split.parts().values())


@pytest.mark.parametrize(
    "settings",
    [
        {"protocol": "official"},
        {"protocol": "official", "folds": 10, "valid": 0.111111},
        {"protocol": "random", "valid": 0.1, "test": 0.1},
        {"protocol": "random", "folds": 10, "valid": 0.111111},
        {"protocol": "grouped", "folds": 4, "valid": 0.333333},
    ],
)
@pytest.mark.parametrize("dataset", ["urbansound8k", "audioset_unbalanced"])
def test_generated_audio_fills_every_part_of_every_protocol(dataset, settings, tmp_path):
    for fold in range(settings.get("folds", 1)):
        source = ClipSource(dataset, "generated", fold=fold, caps=CAPS, **settings)
        chosen = clips.select(source, tmp_path)
        assert sizes(chosen) == (90, 20, 30)
        assert chosen.registered
    levels = {finding.level for finding in clips.findings(source, tmp_path)}
    assert "error" not in levels


def test_seeds_draw_splits_and_folds_belong_to_one_pass(tmp_path):
    base = {"protocol": "random", "folds": 10, "valid": 0.111111}

    def split(**more):
        return clips.select(ClipSource("urbansound8k", "local", **base, **more), tmp_path).split

    assert split(split_seed=1).digest != split(split_seed=2).digest
    tested = [clip.id for fold in range(10) for clip in split(fold=fold).test]
    assert sorted(tested) == [clip.id for clip in manifest.load("urbansound8k").clips]


def test_a_description_survives_a_record_and_an_old_one_is_read():
    source = ClipSource("esc50", "local", "official", 2, True, CAPS, 5, 0.25, split_seed=3)
    assert ClipSource.from_dict(json.loads(json.dumps(source.as_dict()))) == source
    old = {"dataset": "d", "audio": "local", "protocol": "official", "fold": 0, "subset": False,
           "caps": {}}  # fmt: skip
    assert ClipSource.from_dict(old) == ClipSource("d", "local", "official")


def test_the_official_split_of_audioset_takes_its_test_from_the_evaluation_list(tmp_path):
    chosen = clips.select(ClipSource("audioset_balanced", "local", "official", valid=0.1), tmp_path)
    assert sizes(chosen) == (22160 - 2216, 2216, 20371)
    assert chosen.lacking == ("audioset_balanced", "audioset_eval")
    root = tmp_path / "audio"
    root.mkdir()
    for clip in manifest.load("audioset_eval").clips[:3]:
        (root / f"Y{clip.group}.flac").touch()
    sources.add("audioset_eval", root, tmp_path)
    clips.forget()
    source = ClipSource("audioset_balanced", "local", "official", subset=True)
    assert clips.select(source, tmp_path).lacking == ("audioset_balanced",)


def test_audioset_unbalanced_needs_the_users_list(tmp_path):
    source = ClipSource("audioset_unbalanced", "local", "official")
    assert clips.unlisted(source, tmp_path) == ("audioset_unbalanced",)
    with pytest.raises(UserError, match="its list is not shipped"):
        clips.select(source, tmp_path)
    rows = [lists.Clip(f"v{n:010d}_0.wav", "/m/09x0r", f"v{n:010d}", "train") for n in range(5)]
    made = lists.build("audioset_unbalanced", rows)
    lists.write(made, registry.own_file("audioset_unbalanced", tmp_path))
    manifest.load.cache_clear()
    assert clips.unlisted(source, tmp_path) == ()
    chosen = clips.select(source, tmp_path)
    assert sizes(chosen) == (22160 + 5, 0, 20371)
    assert len(chosen.classes) == 527


def test_a_known_bad_clip_is_left_out_within_min_share(tmp_path):
    root = tmp_path / "gtzan"
    for clip in manifest.load("gtzan").clips:
        (root / clip.id).parent.mkdir(parents=True, exist_ok=True)
        (root / clip.id).with_suffix(".au").touch()
    there = sources.add("gtzan", root, tmp_path)
    assert there.coverage == "999 of 1,000 clips"
    chosen = clips.select(ClipSource("gtzan", "local", "official"), tmp_path)
    assert sizes(chosen) == (442, 197, 290)
    assert chosen.share >= registry.card("gtzan").min_share


def test_unusable_clips_are_left_out_as_far_as_min_share_allows(tmp_path):
    root = tmp_path / "gtzan"
    listed = [clip.id for clip in manifest.load("gtzan").clips]
    for clip in listed:
        (root / clip).parent.mkdir(parents=True, exist_ok=True)
        (root / clip).touch()
    there = sources.add("gtzan", root, tmp_path)
    there = sources.leave_out(there, dict.fromkeys(listed[:9], "cut"), tmp_path)
    assert there.coverage == "990 of 1,000 clips"
    assert sources.located("gtzan", tmp_path) == there
    with pytest.raises(UserError, match="needs 99% of its clips") as caught:
        sources.leave_out(there, {listed[20]: "no samples"}, tmp_path)
    assert f"{listed[20]}: no samples" in caught.value.message
    assert sources.add("gtzan", root, tmp_path).coverage == "999 of 1,000 clips"
