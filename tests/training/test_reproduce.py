"""From raw data to the artifact by a recipe, on the tiny collection."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.manifest import load_manifest
from tests.training.test_export import small_encoder
from training import reproduce
from training.cli import main
from training.config import load_config
from training.dataset import Dataset
from training.reproduce import Recipe, Reproduction, load_recipe

pytestmark = pytest.mark.tensorflow

RECIPE = """
[ship]
run = "rewarded"
name = "tiny"
version = "3"

[[runs]]
name = "base"
config = "base.toml"
variants = [{ name = "greedy", beam_size = 1 }, { name = "unruly", rules = false }]

[[runs]]
name = "other"
config = "base.toml"

[[runs]]
name = "taught"
config = "taught.toml"
teachers = ["base", "other"]

[[runs]]
name = "rewarded-0"
config = "rewarded.toml"
start = "base"

[[runs]]
name = "rewarded"
average_of = ["rewarded-0", "rewarded-0"]
"""
CONFIG = """
min_count = 1
epochs = 1
batch_images = 2
mirror = false
[decoder]
architecture = "attention"
units = 16
attention_units = 8
"""
SHIPPED_RECIPE = Path(reproduce.__file__).parent / "configs" / "recipe.toml"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    folder = tmp_path / "recipe"
    folder.mkdir()
    (folder / "base.toml").write_text(CONFIG)
    (folder / "rewarded.toml").write_text('objective = "cider"\nsamples = 2\n' + CONFIG)
    (folder / "taught.toml").write_text("distillation = 0.5\n" + CONFIG)
    (folder / "recipe.toml").write_text(RECIPE)
    return folder / "recipe.toml"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("features", "calibrate", "export", "train"):
        monkeypatch.setattr(f"training.{module}.load_encoder", small_encoder)
    for module in ("metrics", "evaluate", "train"):  # METEOR takes seconds
        monkeypatch.setattr(f"training.{module}.have_java", lambda: False)
    monkeypatch.setattr("training.calibrate.ODDITIES", 2)
    monkeypatch.setattr("training.tune.BEAM_SIZES", (1, 2))
    monkeypatch.setattr("training.baselines.NEIGHBOURS", (2,))
    # One dev photo of a decoder that learned nothing is no sample to fit on.
    fitted = {"intercept": 0.0, "log_prob_weight": 1.0, "focus_weight": 0.0, "focus_knee": 0.0}
    fitted |= {"threshold": 0.1, "target_cider": 40.0}

    def calibrate(dataset: Any, features: Any, weights: str, run: Path) -> None:
        (run / "calibration.json").write_text(json.dumps({"calibration": fitted}))

    monkeypatch.setattr(reproduce, "calibrate", calibrate)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stages as they are reached, with the run they are for."""
    reached: list[str] = []

    def spy(name: str, stage: Callable[..., Any], run_at: int) -> Callable[..., Any]:
        def called(*given: Any, **named: Any) -> Any:
            reached.append(f"{name} {given[run_at].name}")
            return stage(*given, **named)

        return called

    for name, run_at in (
        ("train", 2),
        ("average", 1),
        ("tune", 2),
        ("evaluate_run", 2),
        ("calibrate", 3),
        ("export", 0),
        ("write_baselines", 2),
    ):
        monkeypatch.setattr(reproduce, name, spy(name, getattr(reproduce, name), run_at))
    return reached


def reproduction(recipe: Path, dataset: Dataset, root: Path) -> Reproduction:
    return Reproduction(recipe, dataset, "imagenet", root / "cache", root / "runs")


def test_one_command_makes_everything_and_again_nothing(
    recipe: Path, dataset: Dataset, dataset_root: Path, tmp_path: Path, made: list[str]
) -> None:
    command = ["reproduce", "--recipe", str(recipe), "--data", str(dataset_root)]
    for option in ("cache", "runs", "output", "results"):
        command += [f"--{option}", str(tmp_path / option)]
    assert main(command) == 0
    assert made == [
        *("train base", "tune base", *["evaluate_run base"] * 3),
        *("train other", "tune other", "evaluate_run other"),
        *("train taught", "tune taught", "evaluate_run taught"),
        *("train rewarded-0", "tune rewarded-0", "evaluate_run rewarded-0"),
        *("average rewarded", "tune rewarded", "evaluate_run rewarded"),
        "write_baselines runs",
        *("calibrate rewarded", "export rewarded"),
    ]
    manifest = load_manifest(tmp_path / "output")
    assert (manifest.name, manifest.version) == ("tiny", "3")
    assert manifest.calibration is not None
    kept = {path.stem for path in (tmp_path / "results" / "runs").iterdir()}
    names = {"base", "other", "taught", "rewarded-0", "rewarded"}
    assert kept == {*names, "neighbours", "constant"}
    taught = json.loads((tmp_path / "runs" / "taught" / "config.json").read_text())
    assert [each["run"] for each in taught["teachers"]] == ["base", "other"]
    started = json.loads((tmp_path / "runs" / "rewarded" / "config.json").read_text())
    assert started["start"]["run"] == "base"

    made.clear()
    assert main(command) == 0
    assert made == []


def test_a_stopped_reproduction_makes_what_it_lacks(
    recipe: Path, dataset: Dataset, tmp_path: Path, made: list[str]
) -> None:
    stages = reproduction(recipe, dataset, tmp_path)
    stages.run(tmp_path / "output", tmp_path / "results", shipped_only=True)
    (tmp_path / "runs" / "base" / "test-unruly.json").unlink()
    (tmp_path / "output" / "manifest.json").unlink()
    made.clear()
    stages.run(tmp_path / "output", tmp_path / "results", shipped_only=True)
    assert made == ["evaluate_run base", "export rewarded"]


def test_the_shipped_model_needs_only_the_runs_it_goes_on_from(
    recipe: Path, dataset: Dataset, tmp_path: Path, made: list[str]
) -> None:
    stages = reproduction(recipe, dataset, tmp_path)
    stages.run(tmp_path / "output", tmp_path / "results", shipped_only=True)
    assert not any(word in each for each in made for word in ("other", "taught", "baselines"))
    assert "train base" in made
    assert made[-1] == "export rewarded"


def test_new_scores_are_exported_again(
    recipe: Path, dataset: Dataset, tmp_path: Path, made: list[str]
) -> None:
    stages = reproduction(recipe, dataset, tmp_path)
    stages.run(tmp_path / "output", tmp_path / "results", shipped_only=True)
    test = tmp_path / "runs" / "rewarded" / "test.json"
    result = json.loads(test.read_text())
    result["scores"]["CIDEr"]["score"] = 99.0
    test.write_text(json.dumps(result))
    made.clear()
    stages.run(tmp_path / "output", tmp_path / "results", shipped_only=True)
    assert made == ["export rewarded"]


def test_the_recipe_that_ships_names_what_exists_and_fits() -> None:
    shipped: Recipe = load_recipe(SHIPPED_RECIPE)
    configs = {
        step.name: load_config(SHIPPED_RECIPE.parent / step.config)
        for step in shipped.runs
        if step.config
    }
    names = [step.name for step in shipped.runs]
    assert shipped.ship.run in names
    for place, step in enumerate(shipped.runs):
        needs = {*step.teachers, *step.average_of, *([step.start] if step.start else [])}
        assert needs <= set(names[:place])
        assert bool(step.config) != bool(step.average_of)
        assert len({configs[name].min_count for name in (*step.teachers, *step.average_of)}) <= 1
        if step.config:
            assert bool(step.teachers) == bool(configs[step.name].distillation)
        if step.config and step.start in configs:
            assert configs[step.start].decoder == configs[step.name].decoder


@pytest.mark.parametrize(
    ("content", "message"),
    [("[ship]\nrun = 1", "recipe.toml"), ("nonsense", "recipe.toml"), ("", "ship")],
)
def test_what_is_no_recipe_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "recipe.toml").write_text(content)
    with pytest.raises(ValueError, match=message):
        load_recipe(tmp_path / "recipe.toml")
