"""AudioSet, evaluation list: 20,371 segments of ten seconds, 527 labels (Google 2017)."""

from repro.data.datasets import _audioset

CARD = _audioset.card(
    "test",
    "evaluation",
    20371,
    "eval_segments.csv",
    next_step="repro data add audioset_eval DIR",
)
