"""The numbers of a guide, small and made up."""

import numpy as np

from training.models.heads import Heads
from training.search.confidence import SIGNALS, ConfidenceWeights
from training.search.guide_file import GuideNumbers
from training.search.neighbours import Neighbours
from training.search.ranking import RankingWeights
from training.search.words import Thresholds

THRESHOLDS = Thresholds(male=0.6, female=0.46, boy=0.5, girl=0.38)
FEATURES = 4


def guide_numbers() -> GuideNumbers:
    features = np.arange(FEATURES, dtype=np.float32)
    both = np.arange(2 * FEATURES, dtype=np.float32)
    signals = np.arange(len(SIGNALS), dtype=np.float32)
    return GuideNumbers(
        Heads(
            features, both, both + 1, np.ones((len(both), 5), np.float32), np.zeros(5, np.float32)
        ),
        RankingWeights(1.5, 3.0, 1.25, 0.5),
        Neighbours(
            features,
            np.ones((FEATURES, 2), np.float16),
            np.ones((2, 2), np.float16),
            np.array([[7, 2**26 + 1], [8, 9]], np.int32),
            np.ones((2, 2), np.float16),
            np.arange(9, dtype=np.int32),
        ),
        THRESHOLDS,
        ConfidenceWeights(signals, signals + 1, signals, 0.25),
    )
