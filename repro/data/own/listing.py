"""Make the list of a dataset from the files in its folder, as its own card lists them."""

from pathlib import Path

from repro import places
from repro.data import lists, manifest, protocols, registry, settings, sources
from repro.data.lists import Manifest
from repro.data.own import extended
from repro.errors import UserError


def of_folder(name: str, root: Path, data: Path, known: Manifest | None) -> Manifest:
    """List a dataset's clips from its files; hashes and lengths that are `known` are kept."""
    card = registry.card(name, data)
    if not registry.has_file(name):
        return _listed(name, root, data, known)
    with extended.blamed(places.extensions() / "datasets" / f"{name}.py"):
        listed = _listed(name, root, data, known)
    if not listed.clips:
        raise UserError(f"{root}: no clip of {name} in {card.layout}", f"repro data add {name} DIR")
    return listed


def _listed(name: str, root: Path, data: Path, known: Manifest | None) -> Manifest:
    card = registry.card(name, data)
    hashes = {**(known.hashes if known else {}), **card.hashes(root)}
    seconds = {**(known.seconds if known else {}), **card.lengths(root)}
    return lists.build(name, card.rebuild(root), hashes=hashes, seconds=seconds)


def first(name: str, folder: Path, data: Path) -> tuple[str, ...]:
    """Make the list of a dataset of the user's that has a file and no list yet; say what it is."""
    if not registry.has_file(name):
        return ()
    if manifest.available(name, data):
        return (f"its list is as it was made; repro data manifest {name} --rebuild DIR makes it "
                "again",)  # fmt: skip
    listed = of_folder(name, sources.checked(folder, f"repro data add {name} DIR"), data, None)
    lists.write(listed, manifest.file_of(name))
    manifest.forget()
    counts = f"{len(listed.clips):,} clips, {len(listed.classes)} classes"
    groups = len({clip.group for clip in listed.clips})
    notes = [f"its list: {counts}, {groups:,} groups, in {manifest.file_of(name)}"]
    return (*notes, *divided(listed))


def divided(listed: Manifest) -> list[str]:
    """Say how the clips of a list will be divided, or why they cannot be."""
    try:
        called = settings.called_for(listed)
    except UserError as error:
        return [f"protocol: {error.message}; {error.next_step}"]
    kind = called.pop("protocol")
    told = [f"protocol {kind}: {protocols.statement(kind, **called)}"]
    blank = listed.counts().get("", 0)
    if kind == "official" and blank:
        told.append(f"{blank:,} clips are in no part and will be left out")
    return told
