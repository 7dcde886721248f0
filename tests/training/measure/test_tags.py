import math

import numpy as np
import pytest

from training.measure.tags import mean_average_precision

pytestmark = pytest.mark.tensorflow


def test_precision_is_averaged_over_the_columns_that_enough_photos_have() -> None:
    true = np.array([[1, 1, 1], [1, 0, 0], [0, 1, 0]], bool)
    tags = np.array([[0.9, 0.2, 0.5], [0.8, 0.3, 0.5], [0.1, 0.1, 0.5]], np.float32)
    # The first column is right; in the second the ranks of the two are 2 and 3.
    assert mean_average_precision(true, tags) == pytest.approx((1 + (1 / 2 + 2 / 3) / 2) / 2)
    assert math.isnan(mean_average_precision(true[:1], tags[:1]))
