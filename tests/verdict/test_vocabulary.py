"""Every word that a verdict can have is defined, once."""

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
