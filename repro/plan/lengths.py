"""A recipe over other epochs, so that it keeps its steps whatever the size of the data."""

from collections.abc import Mapping
from typing import Any

from repro.records import learning

# What a recipe counts in epochs; warm-up is counted in steps, and one cycle in shares of them.
PATHS = ("recipe.epochs", "recipe.schedule.start", "recipe.schedule.factor", "recipe.schedule.at",
         "recipe.augment.mix_from_epoch")  # fmt: skip


def stretched(recipe: Mapping[str, Any], steps: int, clips: int) -> dict[str, Any]:
    """Return a recipe with the fewest whole epochs over `clips` that have so many steps.

    All that it counts in epochs keeps its share of them: a rate that was halved half-way still is.
    """
    epochs = -(-steps // learning.steps(recipe, clips))
    times = epochs / recipe["epochs"]
    schedule, augment = dict(recipe["schedule"]), dict(recipe["augment"])
    schedule["start"] = round(schedule["start"] * times)
    schedule["factor"] **= 1 / times
    schedule["at"] = [round(at * times) for at in schedule["at"]]
    augment["mix_from_epoch"] = round(augment["mix_from_epoch"] * times)
    return {**recipe, "epochs": epochs, "schedule": schedule, "augment": augment}
