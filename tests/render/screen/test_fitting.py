"""Columns of text in a number of characters: nothing is broken in mid-word, nothing is lost."""

from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from repro.render.screen import fitting

WORDS = st.text("abcdé界", min_size=1, max_size=9)
TEXTS = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)


@given(TEXTS, st.integers(1, 40))
def test_a_wrapped_text_keeps_its_words_and_its_width(text: str, width: int) -> None:
    lines = fitting.wrap((Text(text),), width)
    assert " ".join(line.plain for line in lines).split() == text.split()
    longest = fitting.shortest([(Text(text),)])
    assert max(line.cell_len for line in lines) <= max(width, longest)


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=2), min_size=1, max_size=4),
       st.integers(10, 80))  # fmt: skip
def test_a_sheet_fits_wherever_its_longest_words_do(rows: list[list[str]], room: int) -> None:
    lines = fitting.Sheet(("one", "two"), rows, "lr").lines(room)
    words = [word for row in rows for text in row for word in text.split()]
    assert sorted("".join(words)) == sorted("".join("".join(lin.plain.split()) for lin in lines)
                                            .replace("onetwo", "", 1))  # fmt: skip
    columns = [[fitting.block("one"), *(fitting.block(row[0]) for row in rows)],
               [fitting.block("two"), *(fitting.block(row[1]) for row in rows)]]  # fmt: skip
    if sum(fitting.shortest(column) for column in columns) + fitting.GAP <= room:
        assert max(line.cell_len for line in lines) <= room


def test_room_goes_first_to_the_column_that_lacks_least() -> None:
    """Least 5 and 3, most 11 and 35: of 14 to share in 24, 6 make the first whole."""
    columns = [[fitting.block("short words")], [fitting.block("a b " * 8 + "cde")]]
    assert fitting.widths(columns, 24) == [11, 11]
    assert fitting.widths(columns, 9) is None


def test_what_is_held_together_stays_on_one_line() -> None:
    held = Text(fitting.together("57.52 ± 13.84"))
    assert [line.plain for line in fitting.wrap((held,), 3)] == [held.plain]


def test_the_lines_after_the_first_are_indented() -> None:
    lines = fitting.paragraph("one two three", 9, "  ")
    assert [line.plain for line in lines] == ["one two", "  three"]
