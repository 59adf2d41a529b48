"""What is kept in the cache is computed once, and never decides whether there is an answer."""

from pathlib import Path
from typing import Any

from repro.data.remembered import remembered


class Count:
    """Compute a value and count how often."""

    def __init__(self, value: Any) -> None:
        self.value, self.calls = value, 0

    def __call__(self) -> Any:
        self.calls += 1
        return self.value


def test_a_value_is_computed_once_for_its_key(tmp_path: Path) -> None:
    one, two = Count([3, None]), Count([5, 6])
    assert [remembered(tmp_path, ["a", 0.1], one) for _ in range(3)] == [[3, None]] * 3
    assert remembered(tmp_path, ["a", 0.2], two) == [5, 6]
    assert (one.calls, two.calls) == (1, 1)


def test_a_damaged_file_is_written_anew(tmp_path: Path) -> None:
    count = Count([3, 4])
    remembered(tmp_path, "key", count)
    (file,) = tmp_path.iterdir()
    whole = file.read_text()
    for damaged in ("", whole[:-1], whole.replace("3", "8", 1), "\0"):
        file.write_text(damaged)
        assert remembered(tmp_path, "key", count) == [3, 4]
        assert file.read_text() == whole
    assert count.calls == 5


def test_a_folder_that_cannot_be_written_to_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    count = Count(7)
    assert [remembered(tmp_path / "file" / "in", "key", count) for _ in range(2)] == [7, 7]
    assert count.calls == 2


def test_asking_makes_no_home(tmp_path: Path) -> None:
    count, folder = Count(7), tmp_path / "home" / "cache" / "plans"
    assert [remembered(folder, "key", count) for _ in range(2)] == [7, 7]
    assert (count.calls, list(tmp_path.iterdir())) == (2, [])
    (tmp_path / "home").mkdir()
    assert [remembered(folder, "key", count) for _ in range(2)] == [7, 7]
    assert count.calls == 3
