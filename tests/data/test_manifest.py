import gzip
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.data import lists, manifest
from repro.data.lists import Clip
from repro.errors import UserError

CLIPS = [
    Clip("b/2.wav", "dog", "ann", "train"),
    Clip("a/1.wav", "cat", "bob", "test"),
    Clip("a/0.wav", "cat;dog", "eve", "valid"),
]


def test_clips_are_sorted_by_id_and_classes_by_name():
    built = lists.build("pets", CLIPS)
    assert [clip.id for clip in built.clips] == ["a/0.wav", "a/1.wav", "b/2.wav"]
    assert built.classes == ("cat", "dog")
    assert built.counts() == {"train": 1, "valid": 1, "test": 1}
    with pytest.raises(FrozenInstanceError):
        built.dataset = "other"


@given(st.permutations(CLIPS))
def test_the_digest_does_not_hang_on_the_order(clips):
    assert lists.build("pets", clips).digest == lists.build("pets", CLIPS).digest


@pytest.mark.parametrize("field", Clip._fields)
def test_the_digest_changes_with_every_field(field):
    changed = [CLIPS[0]._replace(**{field: "x"}), *CLIPS[1:]]
    assert lists.build("pets", changed).digest != lists.build("pets", CLIPS).digest
    assert lists.build("pets", CLIPS[1:]).digest != lists.build("pets", CLIPS).digest


def test_what_is_written_is_read_and_equal_manifests_give_equal_bytes(tmp_path):
    built = lists.build("pets", CLIPS)
    one, other = tmp_path / "one.csv.gz", tmp_path / "deep" / "two.csv.gz"
    lists.write(built, one)
    lists.write(lists.build("pets", reversed(CLIPS)), other)
    assert lists.read("pets", one) == built
    assert one.read_bytes() == other.read_bytes()
    assert one.read_bytes()[4:8] == bytes(4)  # RFC 1952: no time stamp
    text = gzip.decompress(one.read_bytes()).decode()
    assert text.splitlines()[:2] == ["path,label,group,part", "a/0.wav,cat;dog,eve,valid"]
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["one.csv.gz"]


def test_build_refuses_what_the_file_cannot_hold():
    with pytest.raises(ValueError, match="listed twice"):
        lists.build("pets", [CLIPS[0], CLIPS[0]._replace(label="cat")])
    for mark in ',"\n\t':
        with pytest.raises(ValueError, match="comma, quote, tab or line end"):
            lists.build("pets", [CLIPS[0]._replace(label=f"big{mark}dog")])


HEADER = "path,label,group,part\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,label,group,part\na,b,c,d\n", "columns 'id,label,group,part'"),
        (HEADER + "b,x,g,train\na,x,g,train\n", "not sorted"),
        (HEADER + "a,x,g,train\na,x,g,train\n", "listed twice"),
        (HEADER + "a,x,g\n", "cells"),
        (HEADER + "a,x,g,train", "cut"),
        ("", "columns ''"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, text, message):
    file = tmp_path / "pets.csv.gz"
    file.write_bytes(gzip.compress(text.encode()))
    with pytest.raises(UserError, match=message) as caught:
        lists.read("pets", file)
    assert str(file) in caught.value.message


def test_bytes_that_are_no_gzip_and_a_missing_file_are_named(tmp_path):
    file = tmp_path / "pets.csv.gz"
    with pytest.raises(UserError, match=r"pets\.csv\.gz.*missing"):
        lists.read("pets", file)
    whole = gzip.compress((HEADER + "a,x,g,train\n" * 99).encode())
    for damaged in (b"path,label", whole[: len(whole) // 2], whole[:20] + b"\0\1\2" + whole[23:]):
        file.write_bytes(damaged)
        with pytest.raises(UserError, match=r"pets\.csv\.gz: not a readable manifest"):
            lists.read("pets", file)


def test_load_is_cached_and_corrects_a_wrong_name():
    assert manifest.load("speech_commands_v2_35") is manifest.load("speech_commands_v2_35")
    with pytest.raises(UserError, match="'speech_commands_v2_35'"):
        manifest.load("speechcommands_v2")
