"""From raw data to the artifact by a recipe, on the tiny collection."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.engine.manifest import load_manifest
from tests.conftest import REPOSITORY
from tests.training.conftest import write_dataset
from tests.training.release.test_export import small_encoder
from training.cli import main
from training.config import load_config
from training.release import reproduce
from training.release.reproduce import Recipe, load_recipe

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
SHIPPED_RECIPE = REPOSITORY / "training" / "configs" / "recipe.toml"


def write_recipe(folder: Path) -> Path:
    folder.mkdir()
    (folder / "base.toml").write_text(CONFIG)
    (folder / "rewarded.toml").write_text('objective = "cider"\nsamples = 2\n' + CONFIG)
    (folder / "recipe.toml").write_text(RECIPE)
    return folder / "recipe.toml"


def cheapen(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("models.extract", "measure.calibrate", "release.export", "optimize.train"):
        monkeypatch.setattr(f"training.{module}.load_encoder", small_encoder)
    for module in ("metrics", "evaluate", "epochs"):  # METEOR takes seconds
        monkeypatch.setattr(f"training.measure.{module}.have_java", lambda: False)
    monkeypatch.setattr("training.measure.calibrate.ODDITIES", 2)
    monkeypatch.setattr("training.measure.tune.BEAM_SIZES", (1, 2))
    monkeypatch.setattr("training.measure.baselines.NEIGHBOURS", (2,))
    # One dev photo of a decoder that learned nothing is no sample to fit on.
    fitted = {"intercept": 0.0, "log_prob_weight": 1.0, "focus_weight": 0.0, "focus_knee": 0.0}
    fitted |= {"threshold": 0.1, "target_cider": 40.0}

    def calibrate(dataset: Any, features: Any, weights: str, run: Path) -> None:
        (run / "calibration.json").write_text(json.dumps({"calibration": fitted}))

    monkeypatch.setattr(reproduce, "calibrate", calibrate)


def spy_on(monkeypatch: pytest.MonkeyPatch) -> list[str]:
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


def run_all(root: Path, *more: str) -> int:
    command = ["reproduce", "--recipe", str(root / "recipe" / "recipe.toml")]
    for option in ("data", "cache", "runs", "output", "results"):
        command += [f"--{option}", str(root / option)]
    return main([*command, *more])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder where everything was made, and what was, in order."""
    root = tmp_path_factory.mktemp("reproduced")
    write_dataset(root / "data")
    write_recipe(root / "recipe")
    with pytest.MonkeyPatch.context() as monkeypatch:
        cheapen(monkeypatch)
        made = spy_on(monkeypatch)
        assert run_all(root) == 0
    return root, made


@pytest.fixture
def root(finished: tuple[Path, list[str]], tmp_path: Path) -> Path:
    """A copy of it, to take something away from."""
    shutil.copytree(finished[0], tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    cheapen(monkeypatch)
    return spy_on(monkeypatch)


def test_one_command_makes_everything(finished: tuple[Path, list[str]]) -> None:
    root, made = finished
    assert made == [
        *("train base", "tune base", *["evaluate_run base"] * 3),
        *("train other", "tune other", "evaluate_run other"),
        *("train rewarded-0", "tune rewarded-0", "evaluate_run rewarded-0"),
        *("average rewarded", "tune rewarded", "evaluate_run rewarded"),
        "write_baselines runs",
        *("calibrate rewarded", "export rewarded"),
    ]
    manifest = load_manifest(root / "output")
    assert (manifest.name, manifest.version) == ("tiny", "3")
    assert manifest.calibration is not None
    kept = {path.stem for path in (root / "results" / "runs").iterdir()}
    names = {"base", "other", "rewarded-0", "rewarded"}
    assert kept == {*names, "neighbours", "constant"}
    started = json.loads((root / "runs" / "rewarded-0" / "config.json").read_text())
    assert started["start"]["run"] == "base"


def test_what_is_there_is_not_made_again(root: Path, made: list[str]) -> None:
    assert run_all(root) == 0
    assert made == []


def test_a_stopped_reproduction_makes_what_it_lacks(root: Path, made: list[str]) -> None:
    (root / "runs" / "base" / "test-unruly.json").unlink()
    (root / "runs" / "other" / "search.json").unlink()
    (root / "output" / "manifest.json").unlink()
    assert run_all(root) == 0
    assert made == ["evaluate_run base", "train other", "tune other", "export rewarded"]


def test_the_shipped_model_needs_only_the_runs_it_goes_on_from(root: Path, made: list[str]) -> None:
    for name in ("other", "constant", "neighbours"):
        shutil.rmtree(root / "runs" / name)
    assert run_all(root, "--shipped-only") == 0
    assert made == []
    shutil.rmtree(root / "runs" / "rewarded")
    assert run_all(root, "--shipped-only") == 0
    assert made[:2] == ["average rewarded", "tune rewarded"]


def test_new_scores_are_exported_again(root: Path, made: list[str]) -> None:
    test = root / "runs" / "rewarded" / "test.json"
    result = json.loads(test.read_text())
    result["scores"]["CIDEr"]["score"] = 99.0
    test.write_text(json.dumps(result))
    assert run_all(root) == 0
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
        needs = {*step.average_of, *([step.start] if step.start else [])}
        assert needs <= set(names[:place])
        assert bool(step.config) != bool(step.average_of)
        assert len({configs[name].min_count for name in step.average_of}) <= 1
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
