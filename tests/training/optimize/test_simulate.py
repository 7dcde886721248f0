from pathlib import Path

import numpy as np

from training.optimize.simulate import TagSimulator, fit_simulator


def fitted() -> TagSimulator:
    random = np.random.default_rng(0)
    true = random.integers(0, 2, (200, 3)).astype(np.float32)
    noise = random.normal(0, 0.1, true.shape)
    return fit_simulator(true, (0.2 + 0.6 * true + noise).astype(np.float32))


def test_simulated_tags_are_as_blurred_as_the_head_s() -> None:
    true = np.tile(np.array([[1, 0, 1]], np.float32), (5000, 1))
    found = fitted()(true, np.random.default_rng(1))
    assert found.dtype == np.float32
    # The penalty pulls them a little towards the mean.
    np.testing.assert_allclose(found.mean(axis=0), [0.8, 0.2, 0.8], atol=0.1)
    np.testing.assert_allclose(found.std(axis=0), 0.1, atol=0.06)


def test_a_simulator_survives_the_disk(tmp_path: Path) -> None:
    fitted().save(tmp_path / "simulator.npz")
    loaded = TagSimulator.load(tmp_path / "simulator.npz")
    true = np.eye(3, dtype=np.float32)
    np.testing.assert_array_equal(
        loaded(true, np.random.default_rng(2)), fitted()(true, np.random.default_rng(2))
    )
