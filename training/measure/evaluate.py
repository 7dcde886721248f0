"""The scores of a run on a split, with intervals, as JSON and as a Markdown table."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.measure.intervals import score_rows
from training.measure.metrics import (
    ImageStatistics,
    bootstrap,
    have_java,
    image_statistics,
    tokenized,
)
from training.optimize.run_folder import load_run, tuned_options, weights_of
from training.provenance import provenance
from training.search.generate import Generator, SearchOptions
from training.search.rules import dangling_words, has_repeated_trigram, no_rules

STATISTICS = "-statistics.npz"
SCORES = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "METEOR", "ROUGE-L", "CIDEr")


@dataclass(frozen=True)
class Variant:
    """A search other than the tuned one, to see what a lever is worth."""

    name: str = ""
    beam_size: int | None = None
    length_penalty: float | None = None
    rules: bool = True
    both_sides: bool = True  # of the photo, if the run was trained on them

    def stem(self, split: str) -> str:
        """What its files' names begin with."""
        return "-".join(filter(None, (split, self.name)))

    def options(self, tuned: SearchOptions) -> SearchOptions:
        beam_size = tuned.beam_size if self.beam_size is None else self.beam_size
        penalty = tuned.length_penalty if self.length_penalty is None else self.length_penalty
        return replace(tuned, beam_size=beam_size, length_penalty=penalty)


def evaluate_run(
    dataset: Dataset, features: FeatureCache, run: Path, split: str, variant: Variant | None = None
) -> dict[str, Any]:
    """Caption a split with the run's tuned options, and score it.

    Writes `SPLIT.json`, `SPLIT.md`, `SPLIT-captions.json` and `SPLIT-statistics.npz` into the
    run, or `SPLIT-VARIANT...` if the search is a variant of the tuned one.
    """
    variant = variant or Variant()
    loaded = load_run(run, features.encoder)
    options = variant.options(tuned_options(run))
    both_sides = variant.both_sides and loaded.both_sides
    rules = loaded.rules if variant.rules else no_rules(len(loaded.vocabulary))
    generator = Generator(loaded.model, rules, loaded.vocabulary, both_sides)
    captions = generator.captions(features, dataset.splits[split], options, split)
    described = {
        "run": run.name,
        **weights_of(run),
        "variant": variant.name,
        "architecture": loaded.config.decoder.architecture,
        "parameters": loaded.decoder.count_params(),
        "split": split,
        "search": asdict(options),
        "rules": variant.rules,
        "both_sides": both_sides,
    }
    return write_evaluation(run / variant.stem(split), described, captions, dataset, split)


def write_evaluation(
    stem: Path,
    described: Mapping[str, Any],
    captions: Mapping[str, str],
    dataset: Dataset,
    split: str,
    dangling: Collection[str] | None = None,
) -> dict[str, Any]:
    """Score captions and write what there is to know about them into files called `stem`.

    `dangling` are the words that they may not end on, as in `variety`.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    scored, statistics = evaluate_captions(captions, dataset, split, dangling)
    result = {**described, **scored, "provenance": provenance()}
    _beside(stem, "-captions.json").write_text(json.dumps(captions, indent=0) + "\n")
    statistics.save(_beside(stem, STATISTICS))
    _beside(stem, ".md").write_text(markdown(result))
    _beside(stem, ".json").write_text(json.dumps(result, indent=2) + "\n")
    return result


def _beside(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)


def evaluate_captions(
    captions: Mapping[str, str],
    dataset: Dataset,
    split: str,
    dangling: Collection[str] | None = None,
) -> tuple[dict[str, Any], ImageStatistics]:
    """Scores with 95% intervals of one caption an image, and how varied the captions are.

    Neither side may hold special words; both go through the same tokeniser.
    """
    references = tokenized({name: dataset.worded(name) for name in dataset.splits[split]})
    hypotheses = {
        name: caption
        for name, (caption,) in tokenized({n: [c] for n, c in captions.items()}).items()
    }
    statistics = image_statistics(hypotheses, references, meteor=have_java())
    scores, intervals = statistics.scores(), bootstrap(statistics)
    result = {
        "images": len(captions),
        "references_per_image": sum(map(len, references.values())) / len(references),
        "tokenizer": "PTB (Java)" if have_java() else "training.data.text",
        "scores": {
            name: {
                "score": round(scores[name], 2),
                "interval": [round(bound, 2) for bound in intervals[name]],
            }
            for name in SCORES
            if name in scores
        },
        "variety": variety(captions, dataset, dangling),
    }
    return result, statistics


def variety(
    captions: Mapping[str, str], dataset: Dataset, dangling: Collection[str] | None = None
) -> dict[str, float]:
    """How far a model is from repeating itself, or its training captions.

    `dangling` are the words that its captions may not end on: those of this data set, unless it was
    trained on another one.
    """
    train = [tokens for name in dataset.splits["train"] for tokens in dataset.tokens(name)]
    seen = set(map(" ".join, train))
    copied = sum(caption in seen for caption in captions.values())
    dangling = set(dangling_words(train)) if dangling is None else dangling
    return habits(captions) | {
        "copied_from_training_share": round(copied / len(captions), 4),
        "dangling_endings": sum(c.split()[-1] in dangling for c in captions.values() if c),
        "repeated_trigrams": sum(map(has_repeated_trigram, captions.values())),
    }


def habits(captions: Mapping[str, str]) -> dict[str, float]:
    """How varied captions are."""
    words = [caption.split() for caption in captions.values()]
    return {
        "distinct_captions": len(set(captions.values())),
        "distinct_share": round(len(set(captions.values())) / len(captions), 4),
        "vocabulary_used": len({word for caption in words for word in caption}),
        "mean_length": round(sum(map(len, words)) / len(words), 2),
    }


def markdown(result: Mapping[str, Any]) -> str:
    """The result as a table."""
    variety = result["variety"]
    lines = [
        f"# {result['run']} on {result['split']}",
        "",
        f"{result['images']} images, {_how(result)}, tokenised by {result['tokenizer']}.",
        "",
        "| metric | score | 95% interval |",
        "|---|---|---|",
        *score_rows(result["scores"]),
        "",
        f"{variety['distinct_share']:.1%} distinct captions, {variety['vocabulary_used']} words "
        f"used, {variety['copied_from_training_share']:.1%} copied from training, "
        f"{variety['mean_length']:.1f} words a caption.",
        "",
    ]
    return "\n".join(lines)


def _how(result: Mapping[str, Any]) -> str:
    if search := result.get("search"):
        return f"beam {search['beam_size']}, length penalty {search['length_penalty']}"
    return "without a decoder"
