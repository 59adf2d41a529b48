"""The committed lists against what is known of the datasets, and against their own files."""

from collections import Counter, defaultdict

import pytest

from repro.data import lists, manifest, registry
from repro.data.datasets import casia, esc10, gtzan, ravdess_song
from repro.errors import UserError

# Folder of ../shared/data/metadata that holds each dataset's own files.
OWN_FILES = {
    "urbansound8k": "urbansound8k",
    "esc50": "esc50",
    "esc10": "esc50",
    "ravdess_speech": "ravdess",
    "gtzan": "gtzan",
    "casia_1200": "casia",
    "audioset_balanced": "audioset",
    "audioset_eval": "audioset",
}


def clips(name):
    return manifest.load(name).clips


def counts(name, field):
    return Counter(getattr(clip, field) for clip in clips(name))


def test_urbansound8k():
    folds = [873, 888, 925, 990, 936, 823, 838, 806, 816, 837]
    assert counts("urbansound8k", "part") == {str(n): c for n, c in enumerate(folds, start=1)}
    labels = counts("urbansound8k", "label")
    assert sum(labels.values()) == 8732
    assert [labels[name] for name in sorted(labels)] == [
        1000, 429, 1000, 1000, 1000, 1000, 374, 1000, 929, 1000
    ]  # fmt: skip
    assert len(counts("urbansound8k", "group")) == 1297
    assert all(c.id.startswith(f"audio/fold{c.part}/{c.group}-") for c in clips("urbansound8k"))


def test_esc50():
    assert set(counts("esc50", "label").values()) == {40}
    assert counts("esc50", "part") == {str(n): 400 for n in range(1, 6)}
    assert set(Counter((c.label, c.part) for c in clips("esc50")).values()) == {8}
    assert len(counts("esc50", "label")) == 50
    assert len(counts("esc50", "group")) == 1524


def test_esc10_is_ten_classes_of_esc50():
    part = {clip.id: clip for clip in clips("esc10")}
    assert len(counts("esc10", "label")) == 10
    assert set(Counter((c.label, c.part) for c in clips("esc10")).values()) == {8}
    assert [clip for clip in clips("esc50") if clip.label in counts("esc10", "label")] == [
        *clips("esc10")
    ]
    # ESC-50's table has the number of the class; the first edition has a folder for it.
    named = {esc10.first_published(clip): clip for clip in part}
    assert part[named["001 - Dog bark/1-100032-A.wav"]].label == "dog"
    assert part[named["009 - Rooster/5-200334-A.wav"]].label == "rooster"
    folders = {(folder.split("/")[0], part[clip].label) for folder, clip in named.items()}
    assert len(folders) == 10
    for folder, label in folders:
        said = {"Person sneeze": "sneezing", "Baby cry": "crying_baby", "Dog bark": "dog",
                "Fire crackling": "crackling_fire"}  # fmt: skip
        name = folder.partition(" - ")[2]
        assert label == said.get(name, name.lower().replace(" ", "_"))


def test_ravdess():
    speech, song = counts("ravdess_speech", "group"), counts("ravdess_song", "group")
    assert set(speech.values()) == {60}
    assert len(speech) == 24
    assert set(song.values()) == {44}
    assert len(song) == 23
    assert "18" not in song
    assert counts("ravdess_speech", "label") == {
        "neutral": 96, **dict.fromkeys(
            ["calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"], 192)
    }  # fmt: skip
    assert counts("ravdess_song", "label") == {
        "neutral": 92, **dict.fromkeys(["calm", "happy", "sad", "angry", "fearful"], 184)
    }  # fmt: skip
    for clip in (*clips("ravdess_speech"), *clips("ravdess_song")):
        folder, _, file = clip.id.partition("/")
        assert folder == f"Actor_{clip.group}" == f"Actor_{file[-6:-4]}"


def test_gtzan():
    assert set(counts("gtzan", "label").values()) == {100}
    assert counts("gtzan", "part") == {"train": 443, "valid": 197, "test": 290, "": 70}
    pairs = [n for n, size in counts("gtzan", "group").items() if size == 2]
    assert len(pairs) == 14
    groups = defaultdict(set)
    for clip in clips("gtzan"):
        groups[clip.group].add(clip.label)
    assert groups["metal.00058"] == {"metal", "rock"}, "rock.00016 is the same file"
    filtered = Counter(clip.group for clip in clips("gtzan") if clip.part)
    assert all(filtered[pair] == 1 for pair in pairs), "the lists exclude one of each pair"
    jazz = next(clip for clip in clips("gtzan") if "jazz.00054" in clip.id)
    assert jazz.part == "train"
    assert jazz.id in registry.card("gtzan").known_bad


def test_casia():
    for name, each in (("casia_1200", 50), ("casia", 400)):
        cells = Counter((c.group, c.label) for c in clips(name))
        assert len(cells) == 24
        assert set(cells.values()) == {each}
    assert len(clips("casia_1200")) == 1200
    assert len(clips("casia")) == 9600
    assert len(set(manifest.load("casia_1200").hashes.values())) == 1200


def test_audioset():
    balanced, evaluation = clips("audioset_balanced"), clips("audioset_eval")
    assert (len(balanced), len(evaluation)) == (22160, 20371)
    for listed, labels in ((balanced, 52882), (evaluation, 51804)):
        every = [label for clip in listed for label in clip.label.split(";")]
        assert len(every) == labels
        assert len(set(every)) == 527
    assert not {c.group for c in balanced} & {c.group for c in evaluation}
    per_label = Counter(label for c in balanced for label in c.label.split(";"))
    assert min(per_label.values()) >= 49


@pytest.mark.data
@pytest.mark.parametrize("name", OWN_FILES)
def test_the_committed_list_is_made_from_the_datasets_own_files(name, shared_data):
    card, folder = registry.card(name), shared_data / "metadata" / OWN_FILES[name]
    rebuilt = lists.build(name, card.rebuild(folder), hashes=card.hashes(folder),
                          seconds=card.lengths(folder))  # fmt: skip
    assert rebuilt == manifest.load(name)


def test_lists_that_follow_a_rule_are_what_the_rule_says():
    assert tuple(ravdess_song.by_rule()) == clips("ravdess_song")
    assert tuple(casia.by_rule()) == clips("casia")


def touch(root, places, suffix=".flac"):
    for place in places:
        file = (root / place).with_suffix(suffix)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


@pytest.mark.parametrize("name", ["ravdess_speech", "ravdess_song", "casia_1200", "gtzan"])
def test_rebuild_lists_audio_in_every_layout(name, tmp_path):
    card, listed = registry.card(name), clips(name)
    for number, layout in enumerate(card.layouts):
        root = tmp_path / str(number)
        touch(root, [layout(clip.id) for clip in listed], (".flac", ".wav", ".ogg")[number % 3])
        (root / "notes.txt").touch()
        found = sorted(card.rebuild(root))
        assert [c[:2] for c in found] == [c[:2] for c in listed]
        if name != "gtzan":  # its parts and equal files stand in other files
            assert tuple(found) == listed


def test_rebuild_of_gtzan_takes_the_parts_from_the_lists(tmp_path):
    listed = clips("gtzan")
    touch(tmp_path, [clip.id for clip in listed], ".au")
    for part, file in gtzan.LISTS.items():
        stems = [c.id.split("/")[-1].removesuffix(".wav") for c in listed if c.part == part]
        (tmp_path / file).write_text("\n".join(stems))
    assert [(c.id, c.part) for c in gtzan.rebuild(tmp_path)] == [(c.id, c.part) for c in listed]


@pytest.mark.parametrize("above", ["", "wav"])
def test_rebuild_of_casia_lists_any_names_and_knows_both_spellings(tmp_path, above, monkeypatch):
    """With 6 shared and 2 own sentences in place of 300 and 100."""
    monkeypatch.setattr(casia, "SAME", 6)
    monkeypatch.setattr(casia, "OWN", 2)
    spelt = {"liuchanhg": "Chang.Liu", "wangzhe": "Zhe.Wang", "zhaoquanyin": "Quanyin.Zhao",
             "zhaozuoxiang": "Zuoxiang.Zhao", "neutral": "normal"}  # fmt: skip
    for speaker in casia.SPEAKERS:
        for emotion in casia.EMOTIONS:
            same = tmp_path / above / "same" / speaker / emotion
            own = tmp_path / above / "own" / spelt[speaker] / spelt.get(emotion, emotion)
            if above:
                same, own = same.parents[2] / speaker / emotion, None
            touch(same, [f"s{n}" for n in range(6 if own else 8)])
            if own:
                touch(own, [f"o{n}" for n in range(2)])
    found = casia.rebuild(tmp_path)
    assert len(found) == 192
    assert set(Counter((c.group, c.label) for c in found).values()) == {8}
    assert all((tmp_path / c.id).with_suffix(".flac").is_file() for c in found[::7])
    (tmp_path / found[0].id).with_suffix(".flac").unlink()
    with pytest.raises(UserError, match=r"191 CASIA clips, expected 192") as caught:
        casia.rebuild(tmp_path)
    assert "casia_1200" in caught.value.next_step


@pytest.mark.parametrize(
    "name", ["urbansound8k", "esc50", "gtzan", "ravdess_song", "casia", "casia_1200",
             "audioset_eval", "audioset_unbalanced"]
)  # fmt: skip
def test_rebuild_refuses_a_folder_of_something_else(name, tmp_path):
    (tmp_path / "holiday.wav").touch()
    with pytest.raises(UserError) as caught:
        registry.card(name).rebuild(tmp_path)
    assert str(tmp_path) in caught.value.message


def test_audioset_lists_are_read_as_they_come(tmp_path):
    card = registry.card("audioset_unbalanced")
    file = tmp_path / "unbalanced_train_segments.csv"
    rows = ['--PJHxphWEs, 30.000, 40.000, "/m/09x0r,/t/dd00088"', "-Yx_a_Video, 0, 9.5, /m/04rlf"]
    head = "# YTID, start_seconds, end_seconds, positive_labels"
    file.write_text("\n".join(["# Segments csv", "# num_ytids=2, num_segs=2", head, *rows]) + "\n")
    assert [tuple(clip) for clip in card.rebuild(tmp_path)] == [
        ("--PJHxphWEs_30000.wav", "/m/09x0r;/t/dd00088", "--PJHxphWEs", "train"),
        ("-Yx_a_Video_0.wav", "/m/04rlf", "-Yx_a_Video", "train"),
    ]
    places = [layout("-Yx_a_Video_0.wav") for layout in card.layouts]
    assert places == ["-Yx_a_Video_0.wav", "-Yx_a_Video.wav", "Y-Yx_a_Video.wav"]
    file.write_text("\n".join(["# num_ytids=2, num_segs=3", head, *rows]) + "\n")
    with pytest.raises(UserError, match="2 segments, but its header states 3"):
        card.rebuild(tmp_path)
