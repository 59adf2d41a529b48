"""Resolve the runs behind a cell: system, recipe, split and seed, and what each of them misses."""

import shlex
from dataclasses import replace
from typing import Any

from repro import identity
from repro.data import generated
from repro.data.clips import ClipSource, called_for
from repro.data.folders.folds import named_folds, whole_folds
from repro.data.guards import Finding
from repro.data.outlines import Outline, outline
from repro.data.registry import card
from repro.data.settings import folds_of
from repro.errors import UserError
from repro.places import Home
from repro.plan import defaults, gaps, padding
from repro.plan.lengths import stretched
from repro.plan.request import Request, Run
from repro.spec import readings
from repro.spec.entry import Entry
from repro.spec.readings import Reading, copied
from repro.spec.schema import CellFields, Parent, Protocol, Recipe


class Resolver:
    """Resolve the runs of one table; keeps what several cells share."""

    def __init__(self, entry: Entry, request: Request, home: Home) -> None:
        self.entry, self.request, self.home = entry, request, home
        self.published = gaps.Published(request, home)
        self.outlines: dict[str, Outline] = {}
        self.findings: list[Finding] = []
        self.demo: dict[str, Any] = {}
        self.parents: dict[str, Run] = {}
        self._started_from: dict[tuple[str, str, str, int], Run] = {}
        self._runs: dict[tuple[Any, ...], tuple[Run, ...]] = {}
        self._settings: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
        self._recipes: dict[str, tuple[Recipe, dict[str, Any]]] = {}
        self._swapped: dict[str, str] = {}  # by assumption: the system that another stands for
        self.padded: dict[str, padding.Padded] = {}  # by system: clips that are too short for it
        self.changed: dict[str, Any] = {}  # paths of --set that a run has, with their new values
        self.settled: dict[str, dict[str, Any]] = {}  # by system: the first of its settings

    def runs(self, fields: CellFields) -> tuple[Run, ...]:
        """Return the runs behind a cell: every seed, every fold."""
        seeds = tuple(fields.seeds or ())
        key = (fields.system, fields.recipe, fields.dataset, fields.protocol, seeds)
        if key not in self._runs:
            system = self._system(str(fields.system))
            declared = self._declared(system, str(fields.recipe), str(fields.dataset))
            declared["protocol"] = self.entry.protocol(fields.protocol).name
            settings = self._settled(declared)
            protocol = self._protocol(settings)
            self._runs[key] = tuple(
                self._run(settings, protocol, seed, fold)
                for seed in seeds
                for fold in range(protocol.folds)
            )
        return self._runs[key]

    def _settled(self, declared: dict[str, Any]) -> dict[str, Any]:
        """Lay the demo, the chosen readings and another dataset over declared settings."""
        plain, settings = copied(declared), copied(declared)
        small = self._make_small(settings) if self.request.profile == "demo" else {}
        for either in (declared, settings):
            self._assume(either)
            self.changed |= readings.put_all(either, self.request.settings)
            if "protocol" in either:  # not a parent: those stay on their dataset
                either["dataset"] = self.request.on or either["dataset"]
        self.demo |= {name: readings.get(settings, path) for path, name in small.items()}
        self._pad(settings)
        self._settings.append((declared["system"], declared, plain))
        return settings

    def _pad(self, settings: dict[str, Any]) -> None:
        """Pad the clips of other data to what the network takes, where its front end can."""
        if self.request.on is None or settings["dataset"] != self.request.on:
            return
        short = padding.padded(settings, card(self.request.on, self.home.data).seconds)
        if short is not None:
            self.padded[settings["system"]] = short
            if short.length:
                settings["frontend"]["args"]["length"] = short.length

    def _declared(self, name: str, recipe: str, dataset: str) -> dict[str, Any]:
        """Return the settings of a system's runs as the files declare them."""
        recipes = self.entry.recipes
        system = recipes.systems[name]
        front = dict(recipes.frontends[system.frontend])
        kind = str(front.pop("name"))
        front |= recipes.recipes[recipe].frontend
        return {
            "system": name,
            "recipe_name": recipe,
            "dataset": dataset,
            "model": {
                "name": system.model,
                "args": {**defaults.of_model(system.model), **system.args},
            },
            "frontend": {
                "name": kind,
                "args": {**defaults.of_frontend(kind), **front},
            },
            "init": [parent.model_dump(exclude={"what"}) for parent in system.init],
            "recipe": recipes.recipes[recipe].model_dump(exclude={"demo", "source", "frontend"}),
            "statistics": {
                "behind": 1,
                **self.entry.table.statistics.model_dump(exclude_none=True),
            },
            "caps": {},
        }

    def _make_small(self, settings: dict[str, Any]) -> dict[str, str]:
        """Lay a recipe's demo block over the settings, in place; return the paths it sets."""
        recipe_name = settings["recipe_name"]
        demo = self.entry.recipes.recipes[recipe_name].demo
        if demo is None:
            raise UserError(
                f"recipe {recipe_name!r} of {self.entry.id} has no [demo] block",
                f"repro table {self.entry.id} --profile full",
            )
        settings["caps"] = dict(demo.clips)
        small: dict[str, str] = {}
        for where, changes in (
            ("model.args", demo.model),
            ("frontend.args", demo.frontend),
            ("recipe", demo.recipe),
        ):
            readings.merge(readings.get(settings, where), changes)
            small |= {f"{where}.{name}": name for name, _ in readings.leaves(changes)}
        return small

    def _assume(self, settings: dict[str, Any]) -> None:
        """Put the readings chosen with --assume into the settings, in place."""
        for assumption in self.entry.assumptions():
            chosen = self.request.assume.get(assumption.key)
            if chosen is not None and readings.applies(assumption, settings["system"], settings):
                readings.lay(settings, assumption, chosen, self.entry.id)

    def _system(self, name: str) -> str:
        """Return the system that stands in a cell; an assumption on "system" swaps it."""
        for assumption in self.entry.assumptions():
            chosen = self.request.assume.get(assumption.key)
            if chosen is not None and assumption.path == "system" and name in assumption.systems:
                self._swapped[assumption.key] = name
                return str(readings.alternative(assumption, chosen, "").value)
        return name

    def _protocol(self, settings: dict[str, Any]) -> Protocol:
        """Return how the clips are split: as the table says, or as a dataset in its place does.

        Where whole official folds alone are at hand, folds of any kind are as many as those.
        """
        if self.request.on is None:
            protocol = self.entry.protocol(settings["protocol"])
        else:
            own = called_for(self.request.on, self.home.data, self.request.protocol)
            kind = own.pop("protocol")
            named = {"name": "own", "kind": kind, "split_seed": "run", **own}
            protocol = Protocol.model_validate(named)
        here = self._whole_folds(settings["dataset"])
        if not here or protocol.folds == 1:
            return protocol
        return protocol.model_copy(update=folds_of(len(here)))

    def _whole_folds(self, dataset: str) -> tuple[str, ...]:
        """Return the official folds that the clips are taken from; none where all clips count."""
        if self.request.audio != "local" or not self.request.subset:
            return ()
        if self.request.folds and dataset == (self.request.on or self.entry.table.dataset):
            return named_folds(dataset, self.request.folds, self.home.data)
        return whole_folds(dataset, self.home.data)

    def _run(self, settings: dict[str, Any], protocol: Protocol, seed: int, fold: int) -> Run:
        """Resolve one training."""
        clips = self._clips(settings, protocol, seed, fold)
        data = self.home.data
        missing = gaps.code(settings, protocol.kind, data) or gaps.lists(clips, data)
        outlined = None if missing else self._outline(clips, settings["recipe"]["select"])
        missing += gaps.too_short(settings["system"], self.padded)
        missing += self.published.lacking(settings)
        if outlined:
            missing += gaps.clips(clips, outlined, self.findings, self.request, data)
        own = "protocol" in settings  # not a parent: those stay on their dataset
        if own and outlined and self.request.steps:
            recipe = stretched(settings["recipe"], self.request.steps, outlined.sizes["train"])
            settings = {**settings, "recipe": recipe}
        if own:
            self.settled.setdefault(settings["system"], settings)
        micro = self.request.micro_batch
        normed = bool(micro) and identity.has_batch_norm(f"models/{settings['model']['name']}")
        chosen = {"micro_batch": micro} if normed else {}
        trained, recipe_data = self._recipe({**settings["recipe"], **chosen})
        made = f"generated@{generated.VERSION}"
        init, parents = self._init(settings, seed)
        resolved = {
            "dataset": clips.dataset,
            "audio": made if clips.audio == "generated" else clips.audio,
            "classes": len(outlined.classes) if outlined else None,
            "split": outlined.digest if outlined else f"{protocol.name}/{fold}",
            "seed": seed,
            **self._parts(settings),
            "init": init,
            "recipe": copied(recipe_data),
            "augment_version": identity.version_of("augment"),
            "loop_version": identity.version_of("train/loop"),
        }
        if trained.distill == "teacher":
            teacher = self._teacher(settings, protocol, seed, fold)
            parents.append(teacher)
            resolved["teacher"] = teacher.id
        spec = self.entry.recipes.systems[settings["system"]]
        train_clips = outlined.sizes["train"] if outlined else 0
        return Run(
            id=identity.run_id(resolved),
            resolved=resolved,
            clips=clips,
            system=settings["system"],
            label=spec.label,
            profile=self.request.profile,
            clip_epochs=train_clips * trained.epochs,
            gflop=spec.gflop.get("demo" if self.request.profile == "demo" else "full"),
            missing=missing,
            parents=tuple(parent.id for parent in parents),
            keep=self._is_parent(settings),
            micro_batch=0 if normed else micro,
            checkpoint_activations=self.request.checkpoint_activations,
            compiled=self.request.compiled,
            asked=shlex.join(["repro", "table", self.entry.id, *self.request.words()]),
            used=outlined.used if outlined else "",
        )

    def _recipe(self, settings: dict[str, Any]) -> tuple[Recipe, dict[str, Any]]:
        """Return a recipe, and as it stands in a run's identity: one for many seeds and folds."""
        key = identity.canonical(settings)
        if key not in self._recipes:
            trained = Recipe.model_validate({**settings, "source": "resolved"})
            plain = identity.dump(trained)
            del plain["source"], plain["demo"]
            self._recipes[key] = trained, plain
        return self._recipes[key]

    def _parts(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return model and front end as they stand in a run's identity."""
        system = self.entry.recipes.systems[settings["system"]]
        front = dict(self.entry.recipes.frontends[system.frontend])
        recipe = self.entry.recipes.recipes[settings["recipe_name"]]
        front |= recipe.frontend
        demo = recipe.demo
        small = self.request.profile == "demo" and demo is not None
        named = {
            "model": {**system.args, **(demo.model if small and demo else {})},
            "frontend": {**front, **(demo.frontend if small and demo else {})},
        }
        known = {"model": defaults.of_model(system.model),
                 "frontend": defaults.of_frontend(str(front["name"]))}  # fmt: skip
        versions = {"model": identity.version_of(f"models/{system.model}"),
                    "frontend": identity.version_of("frontends")}  # fmt: skip
        return {
            part: {
                "name": settings[part]["name"],
                "args": defaults.without(settings[part]["args"], known[part], named[part]),
                "version": versions[part],
            }
            for part in ("model", "frontend")
        }

    def _clips(
        self, settings: dict[str, Any], protocol: Protocol, seed: int, fold: int
    ) -> ClipSource:
        """Return the description of the clips of one training."""
        return ClipSource(
            dataset=settings["dataset"],
            audio=self.request.audio,
            protocol=protocol.kind,
            fold=fold,
            subset=self.request.subset,
            caps=tuple(sorted(settings["caps"].items())),
            folds=protocol.folds,
            valid=protocol.valid,
            test=protocol.test,
            stratified=protocol.stratified,
            split_seed=seed if protocol.split_seed == "run" else 0,
            only=self._whole_folds(settings["dataset"]),
        )

    def _init(self, settings: dict[str, Any], seed: int) -> tuple[list[dict[str, Any]], list[Run]]:
        """Name what a run starts from: published weights by their hash, runs by their id."""
        named, parents, model = [], [], settings["model"]["name"]
        for entry in settings["init"]:
            if entry["kind"] == "run":
                parent = self._parent(Parent.model_validate({**entry, "what": "resolved"}), seed)
                parents.append(parent)
                named.append({**entry, "run": parent.id})
            elif here := self.published.here(entry["name"], model):
                named.append({**entry, "sha256": here})
            else:
                named.append(entry)
        return named, parents

    def _parent(self, parent: Parent, seed: int) -> Run:
        """Resolve the run that another starts from: of the same seed, on its own dataset."""
        key = (parent.name, parent.recipe, parent.dataset, seed)
        if key not in self._started_from:
            declared = self._declared(*key[:3])
            official = Protocol(name="official", kind="official")
            run = self._run(self._settled(declared), official, seed, 0)
            self._started_from[key] = self.parents.setdefault(run.id, run)
        return self._started_from[key]

    def _teacher(self, settings: dict[str, Any], protocol: Protocol, seed: int, fold: int) -> Run:
        """Resolve the run whose network teaches: the same one, trained without a teacher."""
        alone = copied(settings)
        alone["recipe"]["distill"] = ""
        run = replace(self._run(alone, protocol, seed, fold), keep=True)
        return self.parents.setdefault(run.id, run)

    def _is_parent(self, settings: dict[str, Any]) -> bool:
        """Tell whether a system of the paper starts from such a run."""
        return any(
            parent.kind == "run"
            and (parent.name, parent.recipe, parent.dataset)
            == (settings["system"], settings["recipe_name"], settings["dataset"])
            for system in self.entry.recipes.systems.values()
            for parent in system.init
        )

    def _outline(self, clips: ClipSource, rule: str) -> Outline:
        """Outline clips, and keep what the guards find in the first pass over each dataset."""
        outlined, findings = outline(clips, self.home, rule)
        if clips.dataset not in self.outlines:
            self.findings += findings
        self.outlines[clips.dataset] = outlined
        return outlined

    def assumed(self) -> list[Reading]:
        """Return the reading of each assumption that a planned run depends on.

        A demo's own small values are no readings of the paper: they stand in `demo`.
        """
        found = []
        for assumption in self.entry.assumptions():
            values = [
                (readings.get(settings, assumption.path), readings.get(plain, assumption.path))
                for system, settings, plain in self._settings
                if readings.applies(assumption, system, settings)
            ]
            if assumption.path == "system" and assumption.key in self.request.assume:
                chosen = self.request.assume[assumption.key]
                swapped = self._swapped.get(assumption.key, assumption.systems[0])
                values = [(readings.alternative(assumption, chosen, "").value, swapped)]
            if values:
                found.append(Reading(assumption, *values[0]))
        return found
