"""The recipe of a training: one TOML file, parsed strictly."""

import dataclasses
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

from downcore.strata.bundle import TILE_PX
from downcore.strata.errors import SettingsError
from downcore.strata.fields import value_of

GROUP_TILES = 3
"""Tiles over a wide footprint in the loss: points of the Gauss-Hermite rule."""


@dataclass(frozen=True, slots=True)
class CoreSet:
    """Which generated cores are trained, validated and tested on; one core is in one set only."""

    training: int = 240
    """Training cores."""
    validation: int = 64
    """Validation cores, which choose the best checkpoint and calibrate the intervals."""
    test: int = 64
    """Test cores, used for the final figures only."""
    length_cm: int = 60
    width_cm: float = 6.5
    px_per_cm_lowest: float = 60.0
    px_per_cm_highest: float = 400.0
    """Resolutions are drawn between the two, log-triangular about ``px_per_cm_usual``."""
    px_per_cm_usual: float = 140.0
    tiles_per_slice: int = 2
    """Tiles kept of each slice of a training core, drawn at random from those side by side."""
    tiles_per_slice_held_out: int = 1
    """The same of validation and test cores."""
    first_seed: int = 1_000
    """Seed of the first core; the next ones count on."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """All parameters of a training run."""

    network: str
    """Name of the architecture."""
    seed: int = 1
    """Of the first weights, the order of the tiles and the augmentation."""
    steps: int = 3_000
    """Steps of the optimiser; the run ends here or at the budget, whichever is first."""
    budget_min: float = 0.0
    """
    Minutes of wall time; 0 for none. The learning rate falls to 0 by then, so the result
    depends on the machine. With 0 the run is repeatable by seed.
    """
    batch: int = 24
    """Tiles of a step; a multiple of the tiles of a group where the loss knows the footprint."""
    footprint_in_loss: bool = True
    """
    Whether a wide sensor's label is compared with the mean of three tiles over its footprint
    instead of the one tile in its middle.
    """
    learn_from: str = "logged"
    """
    Target of the means: ``logged`` labels, or the ``expected`` label given the image, which is
    known for generated cores only; labels are used where it is unknown.
    """
    learning_rate: float = 1e-3
    """At the end of the warm-up; a cosine leads from there to 0."""
    restart_at: int = 0
    """
    Step at which the cosine, and the crops, begin anew, at half the learning rate; 0 for never.
    A second, shorter descent improves on the first.
    """
    weight_decay: float = 0.02
    warm_up_steps: int = 100
    beta: float = 0.5
    """Of the beta-NLL loss; 0 is the plain likelihood, 1 weighs all errors alike."""
    average_decay: float = 0.99
    """
    Of the running mean of the weights that is judged and kept: the share of the mean that
    stays at each step. 0 for the weights themselves.
    """
    normalise_batches: int = 16
    """
    Batches of whole tiles over which the statistics of the normalisations are recomputed for the
    validated weights: those of single steps, or of crops, do not fit them.
    """
    validate_every: int = 250
    """Steps between two validations."""
    look_cores: int = 12
    """Validation cores used each time; all are used at the end."""
    look_every_slice: int = 2
    """1 validates on every slice, 2 on every second one."""
    patience: int = 0
    """Validations without a better score after which the run stops; 0 for never."""
    threads: int = 2
    """Threads of torch; 0 leaves them as they are."""
    device: str = "auto"
    """``cpu``, ``cuda``, or ``auto`` for cuda where there is one."""
    precision: str = "bf16"
    """``bf16`` (autocast) or ``f32``."""
    jitter_brightness: float = 0.04
    """Sd of the logarithm of a tile's gain."""
    jitter_white_balance: float = 0.015
    """Sd of the logarithm of each channel's gain."""
    jitter_noise: float = 2.0
    """Most noise added, sd in counts of 255."""
    jitter_blur: float = 0.3
    """Share of tiles that are slightly blurred."""
    jitter_contrast: float = 0.04
    """Sd of the logarithm of a tile's contrast about its own mean, as of a wet or dry face."""
    jitter_sheen: float = 0.15
    """Share of tiles with a soft shine of the lamp on a wet face."""
    jitter_resolution: float = 0.25
    """Share of tiles brought to a lower resolution; a tile stays 1 cm wide."""
    jitter_resolution_most: float = 2.0
    """Most by which the resolution is lowered, 1 for not at all."""
    crop_px: int = 200
    """Side of the square crop of a tile in the first part of the run."""
    crop_until: float = 0.0
    """
    Share of the run in which tiles are cropped: small crops cost less, so more fit the budget.
    """
    public_weights: str = ""
    """File of a published backbone to start from; empty for random weights."""
    cores: CoreSet = dataclasses.field(default_factory=CoreSet)


def load_recipe(path: Path) -> Recipe:
    """
    Return the recipe in the TOML file ``path``.

    Raises
    ------
    SettingsError
        If the file is no TOML, or a key is unknown, missing, or of a wrong type or range.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"expected a recipe at {path}, got {error.strerror}") from error
    return parse_recipe(text, origin=str(path))


def parse_recipe(text: str, *, origin: str = "recipe") -> Recipe:
    """
    Return the recipe that ``text`` (TOML) holds; ``origin`` names it in messages.

    Raises
    ------
    SettingsError
        As :func:`load_recipe`.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"expected TOML in {origin}, got {error}") from error
    try:
        recipe = value_of(Recipe, raw)
    except ValueError as error:
        raise SettingsError(f"{origin}: {error}") from None
    _check_ranges(recipe, origin)
    return recipe


def recipe_text(recipe: Recipe) -> str:
    """Return a recipe as the TOML that :func:`parse_recipe` reads, every key in it."""
    values = dataclasses.asdict(recipe)
    cores = values.pop("cores")
    return f"{_toml(values)}\n[cores]\n{_toml(cores)}"


def _toml(values: dict[str, object]) -> str:
    # A recipe holds text, numbers and truth only, which JSON and TOML write alike.
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


def _check_ranges(recipe: Recipe, origin: str) -> None:
    cores = recipe.cores
    rules = {
        "steps must be 1 or more": recipe.steps >= 1,
        # Normalisation over one tile has no spread.
        "batch must be 2 or more": recipe.batch >= 2,  # noqa: PLR2004 - said in the message
        "validate_every must be 1 or more": recipe.validate_every >= 1,
        "budget_min must not be negative": recipe.budget_min >= 0,
        "restart_at must be 0, or below steps, and needs budget_min 0": (
            recipe.restart_at == 0
            or (0 < recipe.restart_at < recipe.steps and recipe.budget_min == 0)
        ),
        "crop_px must be 64 to 200": 64 <= recipe.crop_px <= TILE_PX,  # noqa: PLR2004 - said there
        # The last part must use whole tiles, as the device does.
        "crop_until must be 0 to 0.9": 0 <= recipe.crop_until <= 0.9,  # noqa: PLR2004 - said there
        "learning_rate must be above 0": recipe.learning_rate > 0,
        "beta must be 0 to 1": 0 <= recipe.beta <= 1,
        f"batch must be a multiple of {GROUP_TILES} with footprint_in_loss": (
            not recipe.footprint_in_loss or recipe.batch % GROUP_TILES == 0
        ),
        "average_decay must be 0 or more and below 1": 0 <= recipe.average_decay < 1,
        "normalise_batches, look_cores and look_every_slice must be 1 or more": min(
            recipe.normalise_batches, recipe.look_cores, recipe.look_every_slice
        )
        >= 1,
        "learn_from must be logged or expected": recipe.learn_from in ("logged", "expected"),
        "device must be auto, cpu or cuda": recipe.device in ("auto", "cpu", "cuda"),
        "jitter_resolution_most must be 1 or more": recipe.jitter_resolution_most >= 1,
        "precision must be bf16 or f32": recipe.precision in ("bf16", "f32"),
        "cores.training, validation and test must be 1 or more": min(
            cores.training, cores.validation, cores.test
        )
        >= 1,
        "cores.length_cm and tiles_per_slice must be 1 or more": min(
            cores.length_cm, cores.tiles_per_slice, cores.tiles_per_slice_held_out
        )
        >= 1,
        "px_per_cm must be lowest <= usual <= highest": 1
        <= cores.px_per_cm_lowest
        <= cores.px_per_cm_usual
        <= cores.px_per_cm_highest,
    }
    for rule, holds in rules.items():
        if not holds:
            raise SettingsError(f"{rule}, in {origin}")
