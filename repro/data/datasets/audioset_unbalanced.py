"""AudioSet, unbalanced training list: some two million segments; the user supplies the list."""

from repro.data.datasets import _audioset

CARD = _audioset.card(
    "train",
    "unbalanced training",
    None,
    "unbalanced_train_segments.csv",
    companions=("audioset_balanced", "audioset_eval"),
    by_hand="put AudioSet's unbalanced_train_segments.csv (100 MB) in a folder",
    next_step="repro data manifest audioset_unbalanced --rebuild DIR",
    own_list=True,
    about=2_000_000,  # "unbalanced training with 2M samples": EAT, section 4.4
)
