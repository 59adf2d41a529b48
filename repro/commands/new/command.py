"""Begin a model, a table or a dataset of your own: files that work, to be changed."""

import math
from pathlib import Path

import click

from repro import atomic, places
from repro.commands.shared import asking, suggesting
from repro.errors import UserError


@click.group()
def command() -> None:
    """Begin a model, a table or a dataset of your own: files that work, to be changed.

    They lie in the extensions of the home (or --extensions), where every verb finds them.

    \b
    Examples:
      repro new model mynet
      repro new model mynet --like eat-esc50
      repro new table mypaper
      repro new dataset mybirds --from ~/birds
    """


@command.command()
@click.argument("name")
@click.option("--like", metavar="TABLE", default="m3net-urbansound8k", show_default=True,
              help="Whose front end and recipe the file lists, to start from.")  # fmt: skip
@asking.home_option
def model(name: str, like: str, home: str | None) -> None:
    """Write a small network that runs, and the file that says how it is trained.

    \b
    Examples:
      repro new model mynet
      repro table m3net-urbansound8k --with mynet --profile demo
    """
    from repro import identity
    from repro.commands.new import model as texts
    from repro.spec import catalogue

    places.home(home)
    _check(name)
    if identity.version_of(f"models/{name}") is not None and identity.own(f"models/{name}") is None:
        raise UserError(f"the suite has a model {name!r}", f"repro new model my-{name}")
    entry = catalogue.load(like)
    folder = places.extensions() / "models"
    _write({
        folder / f"{name}.py": texts.network(name),
        folder / f"{name}.toml": texts.training(name, entry),
    })  # fmt: skip
    step = suggesting.completed(f"repro table {like} --with {name} --profile demo")
    click.echo(f"next: {step}", err=True)


@command.command()
@click.argument("name")
@asking.home_option
def table(name: str, home: str | None) -> None:
    """Write a paper with one table, whose printed numbers are yours to type in.

    \b
    Examples:
      repro new table mypaper
      repro table mypaper-results --profile demo
    """
    from repro.commands.new import table as texts
    from repro.spec import index

    places.home(home)
    _check(name)
    if name in index.paper_ids():
        raise UserError(f"there is a paper {name!r}: {index.folder_of(name)}",
                        f"repro list --paper {name}")  # fmt: skip
    folder = places.extensions() / "tables" / name
    _write({folder / file: text for file, text in texts.files(name).items()})
    click.echo(f"next: {suggesting.completed(f'repro show {name}-results')}", err=True)


@command.command()
@click.argument("name")
@click.option("--from", "folder", metavar="DIR", type=asking.NamedPath(),
              help="Its audio: the file then says how long the longest clip is.")  # fmt: skip
@asking.home_option
def dataset(name: str, folder: Path | None, home: str | None) -> None:
    """Write a file that says what a dataset is and how its clips are listed.

    As written it lists a folder for each class. For a folder with a table of its clips no file is
    needed: repro data add NAME DIR --manifest FILE.csv.

    \b
    Examples:
      repro new dataset mybirds --from ~/birds
      repro data add mybirds ~/birds
      repro table m3net-urbansound8k --on mybirds --profile demo
    """
    from repro.commands.new import dataset as texts
    from repro.data import registry, sources
    from repro.data.folders import names
    from repro.data.own import adding

    data = places.home(home).data
    adding.check_name(name, "repro new dataset mybirds")
    if registry.own_file(name, data).is_file():
        raise UserError(f"{name} was added with a table of its clips", f"repro data remove {name}")
    seconds = texts.SECONDS
    if folder is not None:
        root = sources.checked(folder, f"repro new dataset {name} --from DIR")
        found = {clip: str(root / clip) for clip in names.audio_below(root)}
        if not found:
            raise UserError(f"{root} holds no audio", f"repro new dataset {name}")
        seconds = math.ceil(1000 * adding.lengths(root, found)[0]) / 1000
    _write({places.extensions() / "datasets" / f"{name}.py": texts.file(name, seconds)})
    step = f"repro data add {name} {names.quoted(folder) if folder else 'DIR'}"
    click.echo(f"next: {suggesting.exact(step)}", err=True)


def _check(name: str) -> None:
    """Refuse a name that cannot be a file's and a system's."""
    allowed = name.replace("-", "").replace("_", "")
    if not (allowed.isalnum() and allowed.isascii() and name[0].isalpha()):
        raise UserError(f"{name!r}: a name has letters, digits, - and _, and begins with a letter",
                        "repro new model mynet")  # fmt: skip


def _write(files: dict[Path, str]) -> None:
    """Write new files; UserError where one is there already, and then none is written."""
    for path in files:
        if path.exists():
            raise UserError(f"{path} is there already", "give another name, or move it away")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(path, text.encode())
        click.echo(f"wrote {path}")
