"""What is suggested for a name that does not exist, and for the start of an id."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.errors import UserError, meant, nearest, started, unknown

TABLES = ("asmrh-ablation", "asmrh-speechcommands", "eat-esc50", "eat-speechcommands",
          "gafx-genre", "m3net-speechcommands")  # fmt: skip


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("ASMRH-speechcommands", ["asmrh-speechcommands"]),
        ("asmrh_speechcommands", ["asmrh-speechcommands"]),
        ("asmrh/SpeechCommands ", ["asmrh-speechcommands"]),
        ("m3net-spechcommands", ["m3net-speechcommands"]),
        ("EAT-speechcomands", ["eat-speechcommands"]),
        ("asmrh-genre", ["gafx-genre"]),  # its own paper has nothing like it
        ("asmrh-ablations", ["asmrh-ablation"]),
        ("asmrh", ["asmrh-ablation", "asmrh-speechcommands"]),
        ("ASMRH", ["asmrh-ablation", "asmrh-speechcommands"]),
        ("GAFX", ["gafx-genre"]),
        ("speechcommands", [name for name in TABLES if name.endswith("speechcommands")]),
        ("Genre", ["gafx-genre"]),
        ("asmr-speechcommands", ["asmrh-speechcommands"]),
        ("zzz", []),
        ("", []),
    ],
)
def test_what_is_meant(word, names):
    assert meant(word, TABLES) == names


def test_the_same_parts_in_another_order_come_before_what_is_spelt_alike():
    cells = ["ULSED/accuracy", "M3Net/accuracy", "M3Net/t-acc"]
    assert meant("accuracy/M3Net", cells) == ["M3Net/accuracy"]
    assert meant("t-acc/m3net", cells) == ["M3Net/t-acc"]
    assert meant("ulsed/accuracy", cells) == ["ULSED/accuracy"]


def test_case_alone_is_never_a_reason_for_another_choice():
    assert nearest("ESC50", ["esc10", "esc50"]) == "esc50"
    assert nearest("deit", ["DeiT", "Deit-S"]) == "DeiT"
    assert meant("speech commands v2", ["speech_commands_v2_35", "esc50"]) == [
        "speech_commands_v2_35"
    ]


@given(st.lists(st.from_regex("[a-dA-D]+(-[a-d1]+)?", fullmatch=True), min_size=1,
                unique_by=str.lower), st.data())  # fmt: skip
def test_a_choice_stands_for_itself_in_any_case(choices, data):
    word = data.draw(st.sampled_from(choices))
    for typed in (word.upper(), word.lower(), word.replace("-", "_")):
        assert meant(typed, choices) == [word]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("ASMRH", "did you mean 'asmrh-ablation' or 'asmrh-speechcommands'?"),
        ("gafx-gene", "did you mean 'gafx-genre'?"),
        ("zzz", f"valid: {', '.join(TABLES)}"),
    ],
)
def test_an_unknown_name_says_what_may_be_meant(word, said):
    error = unknown("table", word, TABLES, "repro list")
    assert error.message == f"unknown table {word!r}: {said}"
    assert unknown("thing", "x", []).message == "unknown thing 'x': valid: none"


IDS = ["8551ad634cc0", "85c0d0fef74a", "8dcad0b4f9b6", "ef3a41236989", "b27b16",
       "b27b16.failed-1"]  # fmt: skip


def test_the_start_of_an_id_names_it_where_it_is_the_only_one():
    assert started("run", "ef", IDS) == "ef3a41236989"
    assert started("run", "855", [*IDS, *IDS]) == "8551ad634cc0"  # the same id twice is one
    assert started("run", "b27b16", IDS) == "b27b16"  # a whole id is not the start of another
    assert started("run", "b27b16.", IDS) == "b27b16.failed-1"


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("8", "'8' is ambiguous: 3 ids start with it (8551ad634cc0, 85c0d0fef74a, 8dcad0b4f9b6)"),
        ("85", "'85' is ambiguous: 2 ids start with it (8551ad634cc0, 85c0d0fef74a)"),
        ("", "'' is ambiguous: 6 ids start with it (8551ad634cc0, 85c0d0fef74a, 8dcad0b4f9b6, "
             "b27b16, ...)"),
        ("EF", "no run has an id that starts with 'EF'"),
    ],
)  # fmt: skip
def test_a_start_that_names_none_or_several_says_which(start, said):
    with pytest.raises(UserError) as caught:
        started("run", start, IDS, "repro runs list")
    assert (caught.value.message, caught.value.next_step) == (said, "repro runs list")
