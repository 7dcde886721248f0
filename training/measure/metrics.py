"""Caption metrics by pycocoevalcap, image by image, so that they can be resampled.

Captions are given tokenised and joined by spaces, without special words, one hypothesis and
several references an image. All scores are times 100; CIDEr is CIDEr-D.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocoevalcap.bleu.bleu_scorer import BleuScorer
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor.meteor import Meteor
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

from training.data.text import tokenize

Floats = npt.NDArray[np.float64]
Captions = Mapping[str, Sequence[str]]  # by image: one hypothesis, or the references

ORDERS = 4  # of the longest n-gram in BLEU


def have_java() -> bool:
    """METEOR and the official tokeniser are Java programs that pycocoevalcap carries."""
    return shutil.which("java") is not None


def tokenized(captions: Captions) -> dict[str, list[str]]:
    """Raw captions as the metrics want them, by the official tokeniser where Java is."""
    if have_java():
        # It reads a caption a line, and what ends one within a caption would shift all after it.
        raw = {
            name: [{"caption": " ".join(each.split())} for each in group]
            for name, group in captions.items()
        }
        result: dict[str, list[str]] = PTBTokenizer().tokenize(raw)
        return result
    return {name: [" ".join(tokenize(each)) for each in group] for name, group in captions.items()}


@dataclass(frozen=True)
class ImageStatistics:
    """What each image contributes to the scores of a whole split."""

    bleu: Floats  # [images, 10]: n-grams right (4), n-grams guessed (4), length, reference's
    means: dict[str, Floats]  # metrics that are a mean over images: name -> [images]
    offsets: dict[str, float]  # the whole split's score less the mean, where these differ

    def save(self, path: Path) -> None:
        """Write an `.npz` file that `load` reads."""
        names = list(self.means)
        np.savez_compressed(
            path,
            bleu=self.bleu,
            names=names,
            means=np.array([self.means[name] for name in names]),
            offsets=np.array([self.offsets.get(name, 0.0) for name in names]),
        )

    @classmethod
    def load(cls, path: Path) -> "ImageStatistics":
        with np.load(path) as kept:
            names = kept["names"].tolist()
            means = dict(zip(names, kept["means"], strict=True))
            offsets = dict(zip(names, kept["offsets"].tolist(), strict=True))
            return cls(kept["bleu"], means, offsets)

    def scores(self, rows: npt.NDArray[np.int64] | slice = slice(None)) -> dict[str, float]:
        """The metrics over some images, repeated ones counting again (Papineni et al. 2002)."""
        totals = self.bleu[rows].sum(axis=0)
        right, guessed = totals[:ORDERS], totals[ORDERS : 2 * ORDERS]
        length, reference_length = totals[2 * ORDERS :]
        brevity = min(0.0, 1 - reference_length / max(length, 1e-9))
        with np.errstate(divide="ignore"):
            log_precisions = np.log(right / np.maximum(guessed, 1e-9))
        bleu = {
            f"BLEU-{n}": float(100 * np.exp(brevity + log_precisions[:n].mean()))
            for n in range(1, ORDERS + 1)
        }
        return bleu | {
            name: float(100 * (values[rows].mean() + self.offsets.get(name, 0.0)))
            for name, values in self.means.items()
        }


def image_statistics(
    hypotheses: Mapping[str, str], references: Captions, meteor: bool
) -> ImageStatistics:
    """Score tokenised captions. Raises ValueError where an image has no caption or reference."""
    if hypotheses.keys() != references.keys():
        odd = sorted(hypotheses.keys() ^ references.keys())
        raise ValueError(f"captions and references are of different images, first {odd[0]}")
    gold = {name: list(references[name]) for name in hypotheses}
    guesses = {name: [caption] for name, caption in hypotheses.items()}
    means = {
        "ROUGE-L": np.asarray(Rouge().compute_score(gold, guesses)[1]),
        "CIDEr": np.asarray(Cider().compute_score(gold, guesses)[1]),
    }
    offsets = {}
    if meteor:
        # METEOR of a split is computed from summed counts, not from the images' scores.
        whole, each = _meteor(gold, guesses)
        means["METEOR"] = np.asarray(each)
        offsets["METEOR"] = whole - float(np.mean(each))
    return ImageStatistics(_bleu_counts(guesses, gold), means, offsets)


def _meteor(gold: dict[str, list[str]], guesses: dict[str, list[str]]) -> tuple[float, list[float]]:
    scorer = Meteor()
    try:
        result: tuple[float, list[float]] = scorer.compute_score(gold, guesses)
        return result
    finally:
        # Its own clean-up ends the process but leaves these open.
        scorer.meteor_p.stdout.close()
        scorer.meteor_p.stderr.close()


def _bleu_counts(guesses: dict[str, list[str]], gold: dict[str, list[str]]) -> Floats:
    scorer = BleuScorer(n=ORDERS)
    for name, (guess,) in guesses.items():
        scorer += (guess, gold[name])
    return np.array(
        [
            [
                *item["correct"],
                *item["guess"],
                item["testlen"],
                min(item["reflen"], key=lambda length: (abs(length - item["testlen"]), length)),
            ]
            for item in scorer.ctest
        ],
        np.float64,
    )


def bootstrap(
    statistics: ImageStatistics, samples: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """95% intervals of every score, by resampling images (Efron 1979; Koehn 2004)."""
    images = len(statistics.bleu)
    random = np.random.default_rng(seed)
    draws = [statistics.scores(random.integers(images, size=images)) for _ in range(samples)]
    return {
        name: tuple(np.percentile([draw[name] for draw in draws], [2.5, 97.5]).tolist())
        for name in draws[0]
    }


def paired_bootstrap(
    ours: ImageStatistics, theirs: ImageStatistics, samples: int = 1000, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """By how much we are better than they, on the same images (Koehn 2004, section 4).

    For each score the difference, its 95% interval, and the share of resamples in which we are
    not better.
    """
    images = len(ours.bleu)
    random = np.random.default_rng(seed)
    whole = _difference(ours, theirs, np.arange(images))
    draws = [
        _difference(ours, theirs, random.integers(images, size=images)) for _ in range(samples)
    ]
    compared = {}
    for name, difference in whole.items():
        drawn = np.array([draw[name] for draw in draws])
        low, high = np.percentile(drawn, [2.5, 97.5])
        compared[name] = {
            "difference": round(difference, 2),
            "interval": [round(float(low), 2), round(float(high), 2)],
            "not_better": round(float((drawn <= 0).mean()), 4),
        }
    return compared


def _difference(
    ours: ImageStatistics, theirs: ImageStatistics, rows: npt.NDArray[np.int64]
) -> dict[str, float]:
    mine, other = ours.scores(rows), theirs.scores(rows)
    return {name: mine[name] - other[name] for name in mine if name in other}
