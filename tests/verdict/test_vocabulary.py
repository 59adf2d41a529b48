"""Every word that a verdict can have is defined, once."""

import ast
import inspect
import re

from repro.plan import marks
from repro.verdict import vocabulary
from repro.verdict.judgement import REASONS, WORDS


def test_every_word_has_a_meaning_and_a_mark_of_its_own() -> None:
    assert list(vocabulary.TERMS) == list(WORDS)
    marks = [term.mark for term in vocabulary.TERMS.values() if term.mark]
    assert len(set(marks)) == len(marks)
    assert {"NOT RUN", "CITED"} == {w for w, term in vocabulary.TERMS.items() if not term.mark}


def test_words_reasons_and_notions_do_not_share_a_name() -> None:
    assert len(set(vocabulary.known())) == len(vocabulary.known())
    for name in vocabulary.known():
        assert len(vocabulary.meaning(name)) > 20
    assert all(REASONS[name] in vocabulary.meaning(name) for name in REASONS)


def test_every_mark_that_a_title_can_carry_is_explained() -> None:
    """The capitals in the texts of which marks are made; "BATCH NORM OVER 8 CLIPS" has two."""
    tree = ast.parse(inspect.getsource(marks))
    makers = [node for node in tree.body if getattr(node, "name", "") in ("_asked", "_copies")]
    assert len(makers) == 2
    texts = [node.value for maker in makers for node in ast.walk(maker)
             if isinstance(node, ast.Constant) and isinstance(node.value, str)]  # fmt: skip
    found = {name for text in texts for name in re.findall("[A-Z]{2,}(?: [A-Z]{2,})*", text)}
    assert found - {"CLIPS"} == set(marks.MEANS)
    assert set(marks.MEANS) <= set(vocabulary.known())
