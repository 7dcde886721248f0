import numpy as np
import numpy.typing as npt
import pytest

from training.measure.audit.disturbances import DISTURBANCES, disturb


@pytest.fixture
def photo() -> npt.NDArray[np.uint8]:
    rows, columns = np.mgrid[0:224, 0:224]
    return np.stack([rows, columns, (rows * columns) % 256], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("how", DISTURBANCES)
def test_the_photo_changes_and_keeps_its_shape(how: str, photo: npt.NDArray[np.uint8]) -> None:
    found = disturb(photo, how)
    assert found.shape == photo.shape
    assert found.dtype == np.uint8
    assert not np.array_equal(found, photo)
    np.testing.assert_array_equal(found, disturb(photo, how))


def test_disturbances_are_what_they_say(photo: npt.NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(disturb(photo, "mirrored"), photo[:, ::-1])
    assert np.ptp(disturb(photo, "grey").astype(int), axis=-1).max() == 0
    assert disturb(photo, "dark").mean() < 0.5 * photo.mean()
    steps = [
        np.abs(np.diff(each[..., 2].astype(int))).mean()
        for each in (photo, disturb(photo, "blurred"))
    ]
    assert steps[1] < steps[0]
