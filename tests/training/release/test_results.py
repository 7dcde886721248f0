"""What is kept of runs, and what a lever is worth."""

import json
from pathlib import Path

import numpy as np
import pytest

from training.measure.metrics import ImageStatistics, paired_bootstrap
from training.release import results
from training.release.results import Lever, compare, describe, gather

pytestmark = pytest.mark.tensorflow


def statistics(cider: float, seed: int = 0) -> ImageStatistics:
    """Of 200 images whose CIDEr is this on average, and whose n-grams are all right."""
    random = np.random.default_rng(seed)
    noise = random.normal(0, 0.3, 200)
    return ImageStatistics(
        np.full((200, 10), 5.0), {"CIDEr": cider + noise - noise.mean()}, {"CIDEr": 0.01}
    )


def write_run(runs: Path, name: str, cider: float, stems: tuple[str, ...] = ("test",)) -> None:
    run = runs / name
    run.mkdir(parents=True)
    for stem in stems:
        (run / f"{stem}.json").write_text(json.dumps({"run": name, "stem": stem}))
        (run / f"{stem}-captions.json").write_text("{}")
        statistics(cider).save(run / f"{stem}-statistics.npz")


def test_statistics_survive_the_disk(tmp_path: Path) -> None:
    kept = statistics(0.5)
    kept.save(tmp_path / "kept.npz")
    again = ImageStatistics.load(tmp_path / "kept.npz")
    assert again.scores() == pytest.approx(kept.scores())
    rows = np.array([3, 3, 7])
    assert again.scores(rows) == pytest.approx(kept.scores(rows))


def test_a_paired_difference_is_surer_than_the_scores_themselves() -> None:
    """The same images are easy for both, so a small lead is certain."""
    compared = paired_bootstrap(statistics(0.52), statistics(0.5))["CIDEr"]
    assert compared["difference"] == pytest.approx(2.0, abs=0.01)
    assert compared["interval"][0] > 1.9
    assert compared["not_better"] == 0


def test_a_lead_by_chance_is_not_called_one() -> None:
    compared = paired_bootstrap(statistics(0.5, seed=1), statistics(0.5, seed=2))["CIDEr"]
    low, high = compared["interval"]
    assert low < 0 < high
    assert 0.2 < compared["not_better"] < 0.8


def test_only_scores_that_both_have_are_compared() -> None:
    ours = statistics(0.5)
    more = ImageStatistics(ours.bleu, ours.means | {"METEOR": ours.means["CIDEr"]}, ours.offsets)
    assert "METEOR" not in paired_bootstrap(more, ours)
    assert "METEOR" in paired_bootstrap(more, more)


def test_a_lever_without_its_evaluations_is_left_out(tmp_path: Path) -> None:
    write_run(tmp_path, "ours", 0.6)
    assert compare(tmp_path, Lever("a lever", "ours/test", "theirs/test")) is None
    write_run(tmp_path, "theirs", 0.5)
    compared = compare(tmp_path, Lever("a lever", "ours/test", "theirs/test"))
    assert compared is not None
    assert compared["scores"]["CIDEr"]["difference"] == pytest.approx(10, abs=0.01)


def test_a_run_is_described_with_all_its_evaluations(tmp_path: Path) -> None:
    write_run(tmp_path, "mine", 0.5, ("test", "test-greedy"))
    (tmp_path / "mine" / "config.json").write_text(json.dumps({"train": {"seed": 1}}))
    (tmp_path / "mine" / "metrics.jsonl").write_text('{"epoch": 1, "loss": 3.14159265}\n')
    described = describe(tmp_path / "mine")
    assert set(described["evaluations"]) == {"test", "test-greedy"}
    assert described["config"] == {"seed": 1}
    assert described["epochs"] == [{"epoch": 1, "loss": 3.1416}]
    assert described["search"] is None


def test_every_evaluated_run_is_gathered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path / "runs", "one", 0.5)
    write_run(tmp_path / "runs", "two", 0.6)
    (tmp_path / "runs" / "unfinished").mkdir()
    monkeypatch.setattr(results, "LEVERS", (Lever("more", "two/test", "one/test"),))
    written = gather(tmp_path / "runs", tmp_path / "kept")
    names = [path.relative_to(tmp_path / "kept").as_posix() for path in written]
    assert names == ["runs/one.json", "runs/two.json", "comparisons.json"]
    (compared,) = json.loads(written[-1].read_text())
    assert compared["what"] == "more"
