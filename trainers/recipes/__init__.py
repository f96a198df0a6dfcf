"""The recipes of the trainer, by name.

A recipe has the settings of the stages of a run.
"""

from trainers.recipes import (
    iwslt14,
    low_resource,
    multi30k,
    paper,
)
from trainers.recipes.recipe import Recipe, Stage

RECIPES: dict[str, Recipe] = {
    "iwslt14": iwslt14.RECIPE,
    "low_resource": low_resource.RECIPE,
    "multi30k": multi30k.RECIPE,
    "multi30k_one_hour": multi30k.ONE_HOUR,
    "paper_base": paper.BASE,
    "paper_big": paper.BIG,
}

__all__ = ["RECIPES", "Recipe", "Stage"]
