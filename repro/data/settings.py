"""Which settings of a protocol a dataset itself calls for, where no table says how it is split.

Three things decide: its parts (a complete split, folds, or names that make neither), and whether
clips share groups, few or many. What a dataset names is used or refused, never left out in silence:
a clip that somebody held out must not be trained on because the rest of the split is missing.

                      no group              3 to 9 groups         10 groups and more
    train and test    its own parts         its own parts         its own parts
    3 folds and more  its own folds         its own folds         its own folds
    nothing           at random (1)         each group tested     whole groups drawn (1)
    other parts       refused               refused               refused

    (1) a fifth for test, a tenth for validation

Asked for by name, `random` and `grouped` take as many folds as the dataset's own protocol has, or
the same shares, so that the two differ in who is drawn alone. For the same reason random draws are
stratified only where nothing else can be asked for.
"""

from typing import Any

from repro.data.lists import PARTS, Manifest, is_fold
from repro.errors import UserError

Settings = dict[str, Any]

FEW, _MANY = 3, 10  # groups
_TEST, _VALID = 0.2, 0.1  # shares of a hold-out
_DRAWN = 0.1  # of train, where the dataset names no validation part


def called_for(listed: Manifest, kind: str | None = None) -> Settings:
    """Return the settings of a protocol, as `ClipSource` takes them; None: the dataset's own one.

    UserError, with what to add, where the dataset does not allow it.
    """
    own, fault = _own(listed)
    if own and kind in (None, "official"):
        return own
    groups = groups_of(listed)
    if kind in (None, "official"):
        if fault:
            raise _refused(listed, fault, "random", *(["grouped"] if groups >= FEW else []))
        if kind == "official":
            raise _refused(listed, "it names no split and no folds", "random", "grouped")
        kind = "grouped" if groups else "random"
    if kind == "random":
        plain = not (own or fault or groups)
        return {"protocol": "random", **_sizes(own, groups), "stratified": plain}
    if not groups:
        raise _refused(listed, "every clip is a group of its own: to keep groups whole would be to "
                       "draw clips at random", "random")  # fmt: skip
    if groups < FEW:
        number = f"{groups} group{'s' * (groups > 1)}"
        raise _refused(listed, f"its clips are of {number}: to test one, validate on another and "
                       "train takes three", "random")  # fmt: skip
    sizes = _sizes(own, groups)
    if sizes.get("folds", 1) > groups:
        sizes = folds_of(groups)
    return {"protocol": "grouped", **sizes}


def unused(listed: Manifest, kind: str) -> str:
    """Say what a dataset names and a protocol does not use; "" where it uses all."""
    left = []
    if kind != "official" and (parts := _parts(listed)):
        folds = [part for part in parts if is_fold(part)]
        what = f"{len(folds)} folds" if folds else f"split ({', '.join(parts)})"
        left.append(f"the {what} that {listed.dataset} names")
    if kind == "random" and (groups := groups_of(listed)):
        left.append(f"its {groups:,} groups")
    return f"not used: {' and '.join(left)}" if left else ""


def groups_of(listed: Manifest) -> int:
    """Return the number of groups; 0 where every clip is a group of its own."""
    groups = len({clip.group for clip in listed.clips})
    return groups if groups < len(listed.clips) else 0


def _own(listed: Manifest) -> tuple[Settings | None, str]:
    """Return the settings of the dataset's own parts, or why they make no protocol."""
    parts = _parts(listed)
    numbered = [part for part in parts if is_fold(part)]
    if not parts:
        return None, ""
    if len(numbered) == len(parts):
        if len(numbered) < FEW:
            return None, (
                f"it names {len(numbered)} fold{'s' * (len(numbered) > 1)}: to test one, validate "
                "on another and train takes three"
            )
        return {"protocol": "official", **folds_of(len(numbered))}, ""
    lacking = [part for part in ("train", "test") if part not in parts]
    if lacking or numbered:
        there = " and ".join(parts)
        return None, f"it names {there}, but no {' and no '.join(lacking)}"
    return {"protocol": "official", "valid": 0.0 if "valid" in parts else _DRAWN}, ""


def _parts(listed: Manifest) -> list[str]:
    """Return the names of the parts: train, valid and test first."""
    found = {clip.part for clip in listed.clips} - {""}
    return sorted(found, key=lambda part: (PARTS.index(part) if part in PARTS else 3, part))


def _sizes(own: Settings | None, groups: int) -> Settings:
    """Return folds or shares: of the dataset's own folds, of its few groups, or a hold-out's."""
    few = groups if FEW <= groups < _MANY else 1
    folds = own.get("folds", 1) if own else few
    return folds_of(folds) if folds > 1 else {"test": _TEST, "valid": _VALID}


def folds_of(count: int) -> Settings:
    """Return so many folds, one of them for validation: a share that rounds up to one, not two."""
    return {"folds": count, "valid": int(1e6 / (count - 1)) / 1e6}


def _refused(listed: Manifest, why: str, *others: str) -> UserError:
    asked = " or ".join(f"--protocol {kind}" for kind in others)
    return UserError(
        f"{listed.dataset}: {why}", f"name what is missing, or leave it aside with {asked}"
    )
