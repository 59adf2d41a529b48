"""AudioSet, balanced training list: 22,160 segments of ten seconds, 527 labels (Google 2017)."""

from repro.data.datasets import _audioset

CARD = _audioset.card(
    "train",
    "balanced training",
    22160,
    "balanced_train_segments.csv",
    companions=("audioset_eval",),
    next_step="repro data add audioset_balanced DIR",
)
