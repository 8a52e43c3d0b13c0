"""The recipe of predictors with context: one TOML file, parsed strictly."""

import dataclasses
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

from downcore.strata.errors import SettingsError
from downcore.strata.fields import value_of
from downcore_training.windows.learning import Lesson
from downcore_training.windows.networks import NETWORKS

KIND = "windows"
"""What a recipe of this kind calls itself."""


@dataclass(frozen=True, slots=True)
class WindowRecipe:
    """How the predictors of a set of cores are made."""

    kind: str = KIND
    networks: tuple[str, ...] = ("resnet-18",)
    """Networks trained after the trees; may be empty."""
    name: str = ""
    """First part of the bundles' titles, such as the hole; empty for none."""
    sentence: str = ""
    """What the cores are, for cards and plates; the folder's cores by name where empty."""
    n_folds: int = 3
    """Parts of the sections, each answered by predictors of the others."""
    seed: int = 1
    threads: int = 1
    """Threads of torch."""
    lesson: Lesson = dataclasses.field(default_factory=Lesson)
    """How networks are trained."""


def load_window_recipe(path: Path) -> WindowRecipe:
    """
    Return the recipe in the TOML file ``path``.

    Raises
    ------
    SettingsError
        If the file is no TOML, or a key is unknown, missing, or of a wrong type or range.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        recipe = value_of(WindowRecipe, raw)
    except OSError as error:
        raise SettingsError(f"expected a recipe at {path}, got {error.strerror}") from error
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise SettingsError(f"{path}: {error}") from error
    _check(recipe, path)
    return recipe


def is_window_recipe(path: Path) -> bool:
    """Return whether a TOML file says that it is a recipe of this kind."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")).get("kind") == KIND
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False


def window_recipe_text(recipe: WindowRecipe) -> str:
    """Return a recipe as the TOML that :func:`load_window_recipe` reads, every key in it."""
    values = dataclasses.asdict(recipe)
    lesson = values.pop("lesson")
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in values.items()]
    lines += ["\n[lesson]\n", *(f"{key} = {json.dumps(value)}\n" for key, value in lesson.items())]
    return "".join(lines)


def _check(recipe: WindowRecipe, path: Path) -> None:
    lesson = recipe.lesson
    rules = {
        f'kind must be "{KIND}"': recipe.kind == KIND,
        f"networks must be of {', '.join(NETWORKS)}": set(recipe.networks) <= set(NETWORKS),
        "n_folds must be 2 or more": recipe.n_folds >= 2,  # noqa: PLR2004 - said in the message
        "threads must be 1 or more": recipe.threads >= 1,
        "seed must be 0 or more": min(recipe.seed, lesson.seed) >= 0,
        "steps, batch and warm_up_steps must be 1 or more": min(
            lesson.steps, lesson.batch, lesson.warm_up_steps
        )
        >= 1,
        "learning_rate must be above 0": lesson.learning_rate > 0,
        "beta must be 0 to 1": 0 <= lesson.beta <= 1,
        "average_decay must be 0 or more and below 1": 0 <= lesson.average_decay < 1,
        "crop_across_px must be 64 to 200": 64 <= lesson.crop_across_px <= 200,  # noqa: PLR2004
        "whole_from must be 0 to 1": 0 <= lesson.whole_from <= 1,
    }
    for rule, holds in rules.items():
        if not holds:
            raise SettingsError(f"{rule}, in {path}")
