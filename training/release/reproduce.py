"""Every stage from raw data to the shipped artifact, as a committed recipe lists them.

What is there already is not made again: a stopped reproduction goes on where it was. Delete a
run's folder, or one of its files, to have it made anew.
"""

import json
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from training.config import load_config
from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.measure.baselines import Baselines
from training.measure.calibrate import calibrate
from training.measure.epochs import dev_scores
from training.measure.evaluate import Variant, evaluate_run, write_evaluation
from training.measure.tune import tune
from training.models.encoder_spec import RESNET50
from training.optimize.average import average
from training.optimize.inputs import Inputs, training_features
from training.optimize.run_folder import CALIBRATION, SEARCH, encoder_of, features_of
from training.optimize.train import train
from training.release.export import export
from training.release.results import gather

SPLIT = "test"
MANIFEST = "manifest.json"


class Step(BaseModel):
    """A run, and the searches it is evaluated with beside the tuned one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    config: str | None = None  # beside the recipe
    start: str | None = None  # the run it goes on from
    average_of: tuple[str, ...] = ()  # runs whose weights' mean it is; it has no config then
    variants: tuple[Variant, ...] = ()


class Shipped(BaseModel):
    """The run that becomes the artifact."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: str
    name: str
    version: str


class Recipe(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    ship: Shipped
    runs: tuple[Step, ...]

    def steps(self, shipped_only: bool) -> list[Step]:
        """All runs, or only the shipped one with those it goes on from, in order."""
        if not shipped_only:
            return list(self.runs)
        needed = {self.ship.run}
        for step in reversed(self.runs):
            if step.name in needed:
                needed |= {*step.average_of, *([step.start] if step.start else [])}
        return [step for step in self.runs if step.name in needed]


def load_recipe(path: Path) -> Recipe:
    """Raises FileNotFoundError, and ValueError if it is not a recipe."""
    try:
        return Recipe.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (ValidationError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path}: {error}") from error


class Reproduction:
    """The stages over one data set and one encoder."""

    def __init__(
        self, recipe: Path, dataset: Dataset, encoder_weights: str, cache: Path, runs: Path
    ) -> None:
        self._recipe, self._configs = load_recipe(recipe), recipe.parent
        self._dataset = dataset
        self._weights = encoder_weights
        self._cache = cache
        self._runs = runs

    def run(self, output: Path, results: Path, shipped_only: bool) -> None:
        """Train, tune and evaluate every run; then write the artifact and the results."""
        for step in self._recipe.steps(shipped_only):
            self._train(step)
            self._measure(step)
        if not shipped_only:
            self._floors()
        self._export(output)
        gather(self._runs, results)

    def _features(self, run: Path | None) -> FeatureCache:
        spec = encoder_of(run) if run else RESNET50
        return features_of(run, self._dataset, self._weights, self._cache, spec)

    def _train(self, step: Step) -> None:
        run, start = self._runs / step.name, self._runs / step.start if step.start else None
        if (run / SEARCH).is_file():
            return
        print(f"== train {step.name}", flush=True)
        if step.config is None:
            average([self._runs / name for name in step.average_of], run)
            return
        config = load_config(self._configs / step.config)
        features = training_features(config, self._dataset, self._weights, self._cache, start)
        inputs = Inputs(self._dataset, features, self._weights, start)
        train(config, inputs, run, resume=True, dev_scores=dev_scores)

    def _measure(self, step: Step) -> None:
        run = self._runs / step.name
        features = self._features(run)
        if not (run / SEARCH).is_file():
            print(f"== tune {step.name}", flush=True)
            tune(self._dataset, features, run)
        for variant in (Variant(), *step.variants):
            if not (run / f"{variant.stem(SPLIT)}.json").is_file():
                print(f"== evaluate {step.name} {variant.name}", flush=True)
                evaluate_run(self._dataset, features, run, SPLIT, variant)

    def _floors(self) -> None:
        if (self._runs / "neighbours" / f"{SPLIT}.json").is_file():
            return
        print("== baselines", flush=True)
        write_baselines(self._dataset, self._features(None), self._runs)

    def _export(self, output: Path) -> None:
        shipped = self._recipe.ship
        run = self._runs / shipped.run
        if not (run / CALIBRATION).is_file():
            print(f"== calibrate {shipped.run}", flush=True)
            calibrate(self._dataset, self._features(run), self._weights, run)
        if not _is_exported(run, shipped, output):
            print(f"== export {shipped.run}", flush=True)
            export(run, self._weights, shipped.name, shipped.version, output)


def _is_exported(run: Path, shipped: Shipped, output: Path) -> bool:
    """Whether `output` is of this version, with the scores the run has now."""
    if not (output / MANIFEST).is_file():
        return False
    manifest = json.loads((output / MANIFEST).read_text())
    scores = json.loads((run / f"{SPLIT}.json").read_text())["scores"]
    same_version = manifest["version"] == shipped.version
    return bool(same_version and manifest["metrics"]["scores"] == scores)


def write_baselines(dataset: Dataset, features: FeatureCache, runs: Path) -> None:
    """Evaluate the captions that no decoder wrote, as runs of their own."""
    baselines = Baselines(dataset, features)
    described = {"run": "constant", "split": SPLIT, "method": "the most typical training caption"}
    captions = baselines.constant(SPLIT)
    write_evaluation(runs / "constant" / SPLIT, described, captions, dataset, SPLIT)
    count = baselines.best_count()
    method = f"consensus of the {count} nearest training photos' captions"
    captions = baselines.neighbours(SPLIT, count)
    described = {"run": "neighbours", "split": SPLIT, "method": method, "neighbours": str(count)}
    write_evaluation(runs / "neighbours" / SPLIT, described, captions, dataset, SPLIT)
