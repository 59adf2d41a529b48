"""The contract that every dataset's file keeps, whichever are there."""

import re
from pathlib import PurePosixPath

import pytest

from repro.data import lists, manifest, registry
from repro.errors import UserError


@pytest.fixture(params=registry.names())
def dataset(request):
    return request.param


@pytest.fixture(params=[name for name in registry.names() if registry.card(name).clips])
def listed(request):
    """A dataset's committed manifest."""
    return manifest.load(request.param)


def test_the_card_states_everything(dataset):
    card = registry.card(dataset)
    for text in (card.title, card.licence, card.source, card.layout, card.group):
        assert text
        assert "\n" not in text
    assert card.rate is None or card.rate > 0
    assert card.channels in (None, 1, 2)
    assert card.seconds > 0
    assert 0 < card.min_share <= 1
    assert card.layouts


def test_the_manifest_is_whole_and_belongs_to_the_card(listed):
    card = registry.card(listed.dataset)
    assert len(listed.clips) == card.clips
    ids = {clip.id for clip in listed.clips}
    assert ids >= card.known_bad.keys()
    assert ids >= listed.hashes.keys()
    assert all(clip.label and clip.group for clip in listed.clips)
    assert any(";" in clip.label for clip in listed.clips) == card.multilabel
    parts = set(listed.counts()) - {""}
    assert parts <= set(lists.PARTS) or parts == {str(n + 1) for n in range(len(parts))}
    stems = {PurePosixPath(clip).with_suffix("") for clip in ids}
    assert len(stems) == len(ids), "a copy of another suffix would stand for two clips"
    assert not any(PurePosixPath(clip).is_absolute() or ".." in clip for clip in ids)


def test_every_layout_gives_each_clip_a_place_of_its_own(listed):
    for layout in registry.card(listed.dataset).layouts:
        places = {layout(clip.id) for clip in listed.clips}
        assert len(places) == len(listed.clips)
        assert all(PurePosixPath(place).suffix == ".wav" for place in places)


def test_the_manifest_is_compact_and_its_licence_and_digest_are_stated(listed):
    file = manifest.file_of(listed.dataset)
    assert file.stat().st_size < 1_000_000
    assert f"`{file.name}`" in (file.parent / "LICENSES.md").read_text()
    line = f"{listed.digest}  {listed.dataset}  {len(listed.clips)}"
    assert line in (file.parent / "DIGESTS").read_text().splitlines()


def test_hashes_are_of_known_kinds(listed):
    kinds = {"md5": 32, "sha256": 64, "pcm": 64}
    for text in listed.hashes.values():
        for one in text.split(";"):
            kind, _, digits = one.partition(":")
            assert re.fullmatch(rf"[0-9a-f]{{{kinds[kind]}}}", digits)


@pytest.mark.parametrize("name", [n for n in registry.names() if registry.card(n).clips is None])
def test_a_dataset_without_a_shipped_list_says_how_to_supply_it(name, tmp_path):
    with pytest.raises(UserError, match="its list is not shipped") as caught:
        manifest.load(name, tmp_path)
    assert caught.value.next_step == f"repro data manifest {name} --rebuild DIR"
    assert not manifest.file_of(name).exists()
    assert manifest.classes(name, tmp_path), "generated audio has classes all the same"


def test_names_come_from_the_folder_and_a_wrong_one_is_corrected():
    assert "speech_commands_v2_35" in registry.names()
    assert "__init__" not in registry.names()
    with pytest.raises(UserError, match="'speech_commands_v2_35'"):
        registry.card("speech_comands_v2")
