"""Searches beside the tuned one, to see what a lever is worth."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.optimize.small import small, train
from training.cli import main
from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.measure.evaluate import Variant, evaluate_run
from training.models.model import Model
from training.optimize.inputs import Inputs
from training.search.generate import Generator, SearchOptions
from training.search.rules import Rules

pytestmark = pytest.mark.tensorflow


def test_a_variant_differs_from_the_tuned_search_in_what_it_names_alone() -> None:
    tuned = SearchOptions(beam_size=7, max_length=20, length_penalty=0.9)
    assert Variant().options(tuned) == tuned
    assert Variant("greedy", beam_size=1).options(tuned) == replace(tuned, beam_size=1)
    unpenalised = Variant("unpenalised", length_penalty=0.0)
    assert unpenalised.options(tuned) == replace(tuned, length_penalty=0.0)
    assert (Variant().stem("dev"), unpenalised.stem("dev")) == ("dev", "dev-unpenalised")


def test_a_variant_is_evaluated_without_the_rules_or_the_mirror_image(
    dataset: Dataset, features: FeatureCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.measure.evaluate.have_java", lambda: False)
    run = tmp_path / "run"
    config = small("attention", epochs=1, mirror=True)
    train(config, Inputs(dataset, features, "imagenet"), run, resume=False)
    (run / "search.json").write_text(json.dumps({"chosen": asdict(SearchOptions())}))
    seen: dict[str, tuple[bool, bool]] = {}

    class Spy(Generator):
        def __init__(self, model: Model, rules: Rules, *more: Any) -> None:
            super().__init__(model, rules, *more)
            seen[name] = (not rules.repeat_trigrams, more[-1])

    monkeypatch.setattr("training.measure.evaluate.Generator", Spy)
    for name, variant in {
        "tuned": None,
        "unruly": Variant("unruly", rules=False),
        "one-sided": Variant("one-sided", both_sides=False),
    }.items():
        result = evaluate_run(dataset, features, run, "test", variant)
        assert (result["rules"], result["both_sides"]) == seen[name]
    assert seen == {"tuned": (True, True), "unruly": (False, True), "one-sided": (True, False)}
    written = {"test.json", "test-unruly.json", "test-one-sided.json"}
    assert written <= {path.name for path in run.iterdir()}


def test_another_search_needs_a_name(
    dataset_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", "--data", str(dataset_root), "--run", str(tmp_path)]
    for option in (["--no-rules"], ["--one-side"], ["--beam-size", "1"]):
        assert main([*command, *option]) == 2
        assert "--variant" in capsys.readouterr().err
