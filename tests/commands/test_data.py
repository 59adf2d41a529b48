"""The verb `data`, through the command line."""

import dataclasses
import hashlib
import io
import json
import os
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from repro.commands._entry import main
from repro.data import cards, manifest, registry, sources
from tests.data.fetching.fakehub import FakeHub, parquet, sound

NAME = "speech_commands_v2_35"
CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def repro(tmp_path):
    """Run a command with a home of its own."""

    def run(*args):
        return CliRunner().invoke(main, ["data", *map(str, args), "--home", str(tmp_path / "home")])

    return run


@pytest.fixture
def folder(tmp_path):
    """Make a folder with four clips of the dataset."""
    root = tmp_path / "sc"
    for number, clip in enumerate(manifest.load(NAME).clips[:4]):
        (root / clip.id).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / clip.id, np.full(16000, 1 + number, np.int16), 16000)
    return root


def test_list_names_every_dataset_with_licence_and_source(repro):
    done = repro("list")
    assert done.exit_code == 0
    for name in registry.names():
        card = registry.card(name)
        for text in (name, card.title, card.licence, card.source):
            assert text in done.output
    assert "105,829 clips, none here" in done.output


def test_what_is_added_is_listed_and_a_gone_folder_is_marked(repro, folder):
    added = json.loads(repro("add", NAME, folder, "--format", "json").output)
    assert (added["here"], added["clips"], added["folder"]) == (4, 105829, str(folder))
    row = next(r for r in json.loads(repro("list", "--format", "json").output)
               if r["dataset"] == NAME)  # fmt: skip
    assert (row["here"], row["share"], row["folder_exists"]) == (4, 4 / 105829, True)
    folder.rename(folder.with_name("moved"))
    said = f"4 of 105,829 clips (0.00%) in {folder}, which does not exist any more"
    assert said in repro("list").output


def test_a_damaged_registration_hides_no_other_dataset(repro, tmp_path):
    file = tmp_path / "home" / "data" / "esc50.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"dataset": "esc50", "folder": "/a", "found": 0, "total": 0}))
    said = f"{file}: not a readable registration (0 of 0 clips): repro data add esc50 DIR"
    assert said in repro("list").stdout
    assert len(json.loads(repro("list", "--format", "json").stdout)) > 10


@pytest.mark.parametrize(
    ("name", "harm", "said"),
    [
        ("mine.own.json", lambda file: file.write_text("{"), "mine.own.json: not readable"),
        ("mine.csv.gz", lambda file: file.write_text("x"), "mine.csv.gz: not a readable manifest"),
    ],
)
def test_damage_to_ones_own_data_is_named_with_the_way_on_and_hides_no_other(
    repro, folder, tmp_path, name, harm, said
):
    table = tmp_path / "mine.csv"
    labels = {f"{path.parent.name}/{path.name}": "abab"[i]
              for i, path in enumerate(sorted(folder.rglob("*.wav")))}  # fmt: skip
    table.write_text("path,label\n" + "".join(f"{p},{a}\n" for p, a in labels.items()))
    assert repro("add", "mine", folder, "--manifest", table).exit_code == 0
    harm(tmp_path / "home" / "data" / name)
    manifest.forget()
    listed = json.loads(repro("list", "--format", "json").stdout)
    assert len(listed) > 10
    done = repro("verify", "mine")
    assert done.exit_code == 2
    assert said in done.output
    assert "Next:  repro data add mine DIR --manifest" in done.output


def test_adding_a_part_says_what_that_means(repro, folder):
    done = repro("add", NAME, folder)
    assert done.exit_code == 0
    assert "4 of 105,829 clips" in done.output
    assert "--subset" in done.output


def test_mistakes_are_one_message_with_the_next_command(repro, folder, tmp_path):
    for args, message, step in [
        (["add", "speech_comands_v2_35", folder], "did you mean", "repro data list"),
        (["add", NAME, tmp_path / "no"], "does not exist", f"repro data add {NAME} DIR"),
        (["add", NAME, folder.parent], "looks right", f"repro data add {NAME} {folder}"),
        (["verify", NAME], "no folder is registered", f"repro data add {NAME} DIR"),
    ]:
        done = repro(*args)
        assert done.exit_code == 2, done.output
        assert message in done.output
        assert f"Next:  {step}" in done.output
        assert "Traceback" not in done.output


def test_verify_names_what_is_wrong_and_ends_with_1(repro, folder):
    first = manifest.load(NAME).clips[0].id
    (folder / first).write_bytes(b"not audio")
    repro("add", NAME, folder)
    done = repro("verify", NAME)
    assert done.exit_code == 1
    assert f"undecodable {first}" in done.output
    assert "105,825 missing" in done.output
    assert len(done.output.splitlines()) < 30
    found = json.loads(repro("verify", NAME, "--format", "json").output)
    assert found["counts"] == {"missing": 105825, "undecodable": 1}
    assert len(found["problems"]) == 105826


def test_a_clip_cut_to_another_length_is_not_called_cut_to_one_turn(repro, tmp_path):
    stated = manifest.load("urbansound8k").seconds
    clip = next(clip for clip, seconds in sorted(stated.items()) if 0.9 < seconds < 1.1)
    count = round((stated[clip] - 0.25) * 8000)
    turn = np.random.default_rng(1).integers(-900, 900, count).astype(np.int16)
    (tmp_path / "copy" / clip).parent.mkdir(parents=True)
    soundfile.write(tmp_path / "copy" / clip, np.tile(turn, 6)[:32000], 8000)
    done = repro("trim", "urbansound8k", tmp_path / "copy", tmp_path / "new")
    said = "0 looped clips cut to one turn, 0 whole, 1 still not as long as stated (1 cut"
    assert said in done.output
    note = json.loads((tmp_path / "new" / "derived.json").read_text())
    assert {kind: note[kind] for kind in ("cut", "left", "short", "apart")} == {
        "cut": 0, "left": 0, "short": 0, "apart": 1,
    }  # fmt: skip


def test_a_trimmed_copy_is_called_one_wherever_its_evidence_is_told(repro, tmp_path):
    stated = manifest.load("urbansound8k").seconds
    clip = next(clip for clip, seconds in sorted(stated.items()) if 0.9 < seconds < 1.1)
    turn = np.random.default_rng(1).integers(-900, 900, round(stated[clip] * 8000)).astype(np.int16)
    (tmp_path / "copy" / clip).parent.mkdir(parents=True)
    soundfile.write(tmp_path / "copy" / clip, np.tile(turn, 5)[:32000], 8000)
    new = tmp_path / "a, new one"
    done = repro("trim", "urbansound8k", tmp_path / "copy", new)
    assert "1 of 8,732 clips: 1 looped clips cut to one turn, 0 whole" in done.output
    step = f"repro data add urbansound8k '{new}' --home {tmp_path / 'home'}"
    assert done.output.splitlines()[-1] == f"Next:  {step}"
    copied = ("not the archive's audio but a copy of it (8,000 Hz), by repro data trim: 1 looped "
              "clips of 1 cut to one turn")  # fmt: skip
    assert copied in CliRunner().invoke(main, shlex.split(step)[1:]).output.splitlines()
    added = json.loads(repro("add", "urbansound8k", new, "--format", "json").output)
    assert added["derived"]["cut"] == 1
    assert repro("verify", "urbansound8k").output.splitlines()[-1] == (
        f"evidence: names only; nothing in them could be compared with what is published; {copied}"
    )
    found = json.loads(repro("verify", "urbansound8k", "--format", "json").output)
    assert (found["evidence"], found["compared"]) == ("names only", {})
    assert found["derived"]["cut"] == 1
    said = " ".join(repro("list").output.split())
    assert f"{new}, {copied}; CC BY-NC 3.0; evidence: names only" in said
    rows = json.loads(repro("list", "--format", "json").output)
    level = {row["dataset"]: row["evidence"] for row in rows}
    assert level["urbansound8k"] == "names only"
    assert level["esc50"] == "length of each clip"


def test_trim_names_what_is_no_file_and_counts_the_rest(repro, tmp_path):
    ids = sorted(manifest.load("urbansound8k").seconds)[:25]
    for clip in ids[1:]:
        (tmp_path / "copy" / clip).mkdir(parents=True)
    soundfile.write(tmp_path / "copy" / ids[0], np.full(400, 9, np.int16), 8000)
    said = repro("trim", "urbansound8k", tmp_path / "copy", tmp_path / "new").output
    assert "1 of 8,732 clips: 0 looped clips cut" in said
    assert f"left out: {ids[1]} ({ids[1]} is a folder)" in said
    assert said.count("left out: ") == 21
    assert "left out: 4 more (--format json names all)" in said
    done = repro("trim", "urbansound8k", tmp_path / "copy", tmp_path / "two", "--format", "json")
    found = json.loads(done.stdout)
    assert (found["here"], found["clips"], list(found["left_out"])) == (1, 8732, ids[1:])


@pytest.mark.parametrize(
    ("verb", "where", "kept", "step"),
    [
        (["trim", "urbansound8k", "a", "b"], "trimming.trim", "nothing is kept", "starts anew"),
        (["verify", NAME], "verify.verify", "nothing is kept", "starts anew"),
        (["stats", NAME], "look.stats", "nothing is kept", "starts anew"),
        (["prepare", NAME], "prepare.prepare", "nothing is lost", "continues"),
    ],
)
def test_an_interrupted_verb_says_whether_it_continues(repro, monkeypatch, verb, where, kept, step):
    def stop(*args, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"repro.data.{where}", stop)
    done = repro(*verb)
    assert done.exit_code == 130
    assert f"Error: interrupted; {kept}" in done.output
    assert f"Next:  the same command again {step}" in done.output


def test_list_imports_nothing_heavy(tmp_path):
    script = f"""
import sys
from click.testing import CliRunner
from repro.commands._entry import main
done = CliRunner().invoke(main, ["data", "list", "--home", {str(tmp_path)!r}])
assert done.exit_code == 0, done.output
print([name for name in ("torch", "numpy", "scipy", "pandas", "pydantic") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_manifest_shows_a_list_and_makes_it_again(repro, tmp_path):
    assert "8,732 clips, 10 classes, 1,297 groups" in repro("manifest", "urbansound8k").output
    for clip in manifest.load("ravdess_song").clips:
        (tmp_path / "song" / clip.id).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "song" / clip.id).touch()
    again = ["manifest", "ravdess_song", "--rebuild", tmp_path / "song"]
    done = repro(*again, "-o", tmp_path / "list.csv.gz")
    assert done.exit_code == 0
    assert "the same as the list that was known" in done.output
    assert (tmp_path / "list.csv.gz").read_bytes() == manifest.file_of("ravdess_song").read_bytes()
    (tmp_path / "song" / clip.id).unlink()
    assert repro(*again).exit_code == 1
    assert repro("manifest", "audioset_unbalanced").exit_code == 2


def test_a_new_dataset_gets_its_first_list(repro, tmp_path, monkeypatch):
    folder = tmp_path / "Actor_03"
    folder.mkdir()
    (folder / "03-02-05-01-02-01-03.wav").touch()
    monkeypatch.setattr(manifest, "file_of", lambda name: tmp_path / f"{name}.csv.gz")
    manifest.forget()
    assert repro("manifest", "ravdess_song").exit_code == 2
    done = repro(
        "manifest", "ravdess_song", "--rebuild", tmp_path, "-o", tmp_path / "ravdess_song.csv.gz"
    )
    assert done.exit_code == 0, done.output
    assert "its first list" in done.output
    again = repro("manifest", "ravdess_song", "--rebuild", tmp_path)
    assert "the same as the list that was known" in again.output
    manifest.forget()


def test_a_list_of_the_users_is_compared_before_it_is_called_the_same(repro, tmp_path):
    def rebuilt(*videos):
        lines = [f'{video}, 0.000, 10.000, "/m/09x0r"\n' for video in videos]
        (tmp_path / "unbalanced_train_segments.csv").write_text("".join(lines))
        done = repro("manifest", "audioset_unbalanced", "--rebuild", tmp_path)
        assert done.exit_code == 0, done.output
        return done.output.strip().splitlines()[-1].partition(": ")[2]

    assert rebuilt("abcdefghijk", "bbcdefghijk") == "its first list"
    assert rebuilt("abcdefghijk", "bbcdefghijk") == "the same as the list that was known"
    told = "NOT the same as the list that was known: 2 clips are only here, 1 only there; "
    other = ("abcdefghijk", "cbcdefghijk", "dbcdefghijk")
    assert rebuilt(*other) == f"{told}it takes that one's place"
    assert rebuilt(*other).startswith("the same")
    manifest.forget()


def test_fetch_says_how_to_get_what_cannot_be_fetched(repro):
    done = repro("fetch", "gtzan")
    assert done.exit_code == 2
    assert "the original link is dead" in done.output
    assert "Next:  repro data add gtzan DIR" in done.output
    done = repro("fetch", "ravdess_song", "--yes")
    assert "licence  CC BY-NC-SA 4.0" in done.output
    assert "Next:  repro data fetch ravdess_song --trust" in done.output


def test_prepare_stats_and_show(repro, folder, tmp_path):
    repro("add", NAME, folder)
    made = json.loads(repro("prepare", NAME, "--format", "json").output)
    assert (made["clips"], made["rate"]) == (4, 16000)
    assert repro("prepare", NAME).output.count(made["digest"][:12]) == 1
    found = json.loads(repro("stats", NAME, "--format", "json").output)
    assert (found["clips"], found["rates"]) == (4, {"16000": 4})
    assert found["classes"]["backward"] == [4, 1664]
    clip = manifest.load(NAME).clips[1].id
    done = repro("show", NAME, clip.split("/")[1], "-o", tmp_path / "x.png")
    assert f"clip   {clip}\nlabel  backward" in done.output
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    assert "did you mean" in repro("show", NAME, "backward/x.wav").output


def test_own_data_is_added_with_a_csv(repro, folder, tmp_path):
    clips = sorted(folder.rglob("*.wav"))
    lines = ["path,label", *(f"{f.relative_to(folder)},{'ab'[n % 2]}" for n, f in enumerate(clips))]
    (tmp_path / "clips.csv").write_text("\n".join(lines))
    done = repro("add", "mybirds", folder, "--manifest", tmp_path / "clips.csv")
    assert "mybirds: 4 of 4 clips" in done.output
    assert "mybirds (your own data, 2 classes)" in repro("list").output


def test_what_is_removed_is_forgotten_and_its_audio_stays(repro, folder, tmp_path):
    table = tmp_path / "clips.csv"
    clips = sorted(folder.rglob("*.wav"))
    table.write_text("\n".join(["path,label", *(f"{f.relative_to(folder)},a" for f in clips)]))
    words = ("add", "mybirds", folder, "--manifest", table)
    assert repro(*words).exit_code == 0
    done = repro("remove", "mybirds")
    assert done.exit_code == 0, done.output
    assert str(folder) in done.output
    assert sorted(folder.rglob("*.wav")) == clips
    assert "mybirds" not in repro("list").output
    again = repro("remove", "mybirds")
    assert again.exit_code == 2
    assert "unknown dataset 'mybirds'" in again.output
    assert "nothing to remove" in repro("remove", "esc50").output
    assert repro(*words).exit_code == 0  # the name is free


def test_a_table_offers_what_can_be_fetched_with_licence_and_size(tmp_path):
    done = table("eat-esc50", "--dry-run", home=tmp_path)
    assert done.exit_code == 4
    assert "esc50: licence CC BY-NC 3.0" in done.output
    assert "archive: ESC-50-master.zip, md5:7771e4b9" in done.output
    assert "hub: ashraq/esc50 on the Hugging Face hub, 0.8 GB" in done.output
    assert "--fetch downloads it" in done.output


@pytest.fixture
def served(monkeypatch):
    """Give ESC-50 an archive of three clips on 127.0.0.1; changes are those of the archive."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as packed:
        for clip in manifest.load("esc50").clips[:3]:
            sound = io.BytesIO()
            soundfile.write(sound, np.full(800, 9, np.int16), 16000, format="WAV")
            packed.writestr(clip.id, sound.getvalue())
    hub = FakeHub("no/such", {"x.zip": body.getvalue()})
    real = registry.card("esc50")

    def give(**changes):
        url = f"{hub.address}/datasets/no/such/resolve/{hub.commit}/x.zip"
        digest = f"sha256:{hashlib.sha256(body.getvalue()).hexdigest()}"
        about = {"name": "x.zip", "urls": (url,), "digest": digest, "unpacked": 10**6, **changes}
        card = dataclasses.replace(real, archive=cards.Archive(**about), hub=None)
        other = registry.card
        monkeypatch.setattr(
            registry, "card", lambda name, data=None: card if name == "esc50" else other(name, data)
        )
        return hub

    yield give
    hub.close()


def table(*words, home):
    return CliRunner().invoke(main, ["table", *words, "--home", str(home)])


def test_a_table_fetches_what_it_lacks_and_goes_on(served, tmp_path):
    hub = served()
    done = table("eat-esc50", "--only", "eat-s", "--seeds", "0", home=tmp_path)
    assert done.exit_code == 4
    assert hub.asked == [], "piped, nothing is fetched without --fetch"
    done = table("eat-esc50", "--only", "eat-s", "--seeds", "0", "--fetch", home=tmp_path)
    assert done.exit_code == 4, "three clips are not the dataset"
    assert "esc50: 3 of 2,000 clips in" in done.output
    assert "esc50 has 3 of 2,000 clips; --subset uses them" in done.output
    assert sources.provenance("esc50", tmp_path / "data")["verified"] is True
    assert len(hub.asked) == 1


def test_a_table_trusts_nothing_that_is_unverified_without_being_told(served, tmp_path):
    hub = served(digest="unverified")
    words = ["eat-esc50", "--only", "eat-s", "--seeds", "0", "--fetch"]
    done = table(*words, home=tmp_path)
    assert done.exit_code == 4
    assert "esc50 is not fetched: no source states its hash; add --trust" in done.output
    assert hub.asked == []
    table(*words, "--trust", home=tmp_path)
    assert sources.provenance("esc50", tmp_path / "data")["verified"] is False


def test_a_table_renders_though_the_fetch_fails(served, tmp_path):
    served(digest=f"md5:{'0' * 32}")
    done = table("eat-esc50", "--only", "eat-s", "--seeds", "0", "--fetch", home=tmp_path)
    assert done.exit_code == 4
    assert "esc50 is not fetched: x.zip cannot be downloaded" in done.output
    assert "NOT RUN" in done.output
    assert "Traceback" not in done.output


def test_fetch_from_the_hub_as_a_user_types_it(tmp_path):
    clips = manifest.load("esc50").clips[:2]
    rows = [{"filename": c.id.rpartition("/")[2], "audio": {"bytes": sound(n), "path": None}}
            for n, c in enumerate(clips)]  # fmt: skip
    commit = registry.card("esc50").hub.revision
    hub = FakeHub("ashraq/esc50", {"data/train-0.parquet": parquet(rows)}, commit)
    words = ["data", "fetch", "esc50", "--source", "hub", "--yes", "--home", str(tmp_path)]
    try:
        done = subprocess.run(
            [sys.executable, str(CHECKOUT / "cli.py"), *words], capture_output=True, text=True,
            env={**os.environ, "HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "hf")},
        )  # fmt: skip
    finally:
        hub.close()
    assert done.returncode == 0, done.stderr
    assert "licence  CC BY-NC 3.0" in done.stdout
    assert f"revision {commit} (stated by the tasks of MTEB)" in done.stdout
    assert "esc50: 2 of 2,000 clips in" in done.stdout
    assert sources.provenance("esc50", tmp_path / "data")["revision"] == commit


@pytest.mark.parametrize(("answer", "came"), [("y", True), ("n", False)])
def test_on_a_terminal_a_table_asks(served, tmp_path, monkeypatch, answer, came):
    hub = served()
    monkeypatch.setattr("repro.commands.shared.fetching._terminal", lambda: True)
    words = ["table", "eat-esc50", "--only", "eat-s", "--seeds", "0", "--home", str(tmp_path)]
    done = CliRunner().invoke(main, words, input=f"{answer}\n")
    assert done.exit_code == 4
    assert "Fetch esc50? [y/N]" in done.output
    assert bool(hub.asked) == came


def test_clips_of_several_labels_have_no_accuracy_and_the_plan_says_so(repro, folder, tmp_path):
    clips = sorted(folder.rglob("*.wav"))
    lines = ["path,label", *(f"{f.relative_to(folder)},a;b" for f in clips)]
    (tmp_path / "clips.csv").write_text("\n".join(lines))
    repro("add", "mybirds", folder, "--manifest", tmp_path / "clips.csv")
    done = table("asmrh-speechcommands", "--on", "mybirds", "--profile", "demo", "--dry-run",
                 home=tmp_path / "home")  # fmt: skip
    assert "accuracy on mybirds, whose clips have several labels" in done.output
