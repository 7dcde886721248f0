"""The encoders to choose from: networks of `keras.applications`, all of them without classifier."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from training.config import EncoderName


@dataclass(frozen=True)
class EncoderSpec:
    """All that the pipeline has to know of an encoder before it is built.

    The maps are those of the last layer at an input of `side` x `side` pixels.
    """

    name: EncoderName
    application: Callable[..., keras.Model]  # of `keras.applications`
    preprocess: Callable[[Any], Any]  # RGB pixels float32 [B, side, side, 3] of 0 to 255
    side: int  # of the pixels
    grid: int  # cells along a side of the maps
    channels: int  # of the maps
    stage_from: str  # the last stage's first layer; what comes before is the trunk
    trunk_grid: int  # cells along a side of the trunk's maps
    trunk_channels: int

    @property
    def cells(self) -> int:
        return self.grid**2

    @property
    def maps_shape(self) -> tuple[int, int]:
        """Cells and channels of an image's maps."""
        return self.cells, self.channels

    @property
    def trunk_shape(self) -> tuple[int, int]:
        """Cells and channels of the trunk's maps."""
        return self.trunk_grid**2, self.trunk_channels

    @property
    def mirrored_cells(self) -> npt.NDArray[np.int64]:
        """Where each cell, row by row, is in the mirror image."""
        rows = np.arange(self.cells).reshape(self.grid, self.grid)
        return rows[:, ::-1].flatten()

    def build(self, weights: str | None) -> keras.Model:
        """The whole network with weights of a file, "imagenet", or random ones (None)."""
        shape = (self.side, self.side, 3)
        return self.application(weights=weights, include_top=False, input_shape=shape)


def _as_it_is(pixels: Any) -> Any:
    """Of networks whose first layers do the preprocessing."""
    return pixels


RESNET50 = EncoderSpec(
    name="resnet50",
    application=keras.applications.ResNet50,
    preprocess=keras.applications.resnet50.preprocess_input,
    side=224,
    grid=7,
    channels=2048,
    stage_from="conv5_block1_1_conv",
    trunk_grid=14,
    trunk_channels=1024,
)
EFFICIENTNET_V2_B0 = EncoderSpec(
    name="efficientnetv2-b0",
    application=keras.applications.EfficientNetV2B0,
    preprocess=_as_it_is,
    side=224,
    grid=7,
    channels=1280,
    stage_from="block6a_expand_conv",
    trunk_grid=14,
    trunk_channels=112,
)
CONVNEXT_TINY = EncoderSpec(
    name="convnext-tiny",
    application=keras.applications.ConvNeXtTiny,
    preprocess=_as_it_is,
    side=224,
    grid=7,
    channels=768,
    stage_from="convnext_tiny_downsampling_block_2",
    trunk_grid=14,
    trunk_channels=384,
)
ENCODERS: dict[str, EncoderSpec] = {
    spec.name: spec for spec in (RESNET50, EFFICIENTNET_V2_B0, CONVNEXT_TINY)
}
