import numpy as np
import pytest
from sklearn.linear_model import Ridge

from training.optimize.ridge import Floats, Targets, out_of_fold, ridge


@pytest.fixture
def features() -> Floats:
    return np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)


@pytest.fixture
def targets(features: Floats) -> Targets:
    random = np.random.default_rng(1)
    rows = random.permutation(60)[:40]
    tags = features[rows, :3] * 2 + 1 + random.normal(0, 0.1, (40, 3))
    return Targets(rows, tags.astype(np.float32), random.uniform(0.5, 2, 40).astype(np.float32))


def test_it_is_weighted_ridge_regression(features: Floats, targets: Targets) -> None:
    kernel, bias = ridge(features, targets, 3.0)
    theirs = Ridge(alpha=3.0).fit(features[targets.rows], targets.tags, targets.weights)
    np.testing.assert_allclose(kernel.T, theirs.coef_, atol=1e-5)
    np.testing.assert_allclose(bias, theirs.intercept_, atol=1e-5)


def test_a_photo_s_tags_do_not_depend_on_its_own_targets(
    features: Floats, targets: Targets
) -> None:
    folds = np.arange(60) % 4
    before = out_of_fold(features, targets, 1.0, folds)
    mine = folds[targets.rows] == 2
    targets.tags[mine] += 100
    after = out_of_fold(features, targets, 1.0, folds)
    np.testing.assert_array_equal(after[mine], before[mine])
    assert np.abs(after[~mine] - before[~mine]).min() > 1
