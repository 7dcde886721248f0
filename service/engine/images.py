"""Bytes of a photo to the pixels a model takes: checked, upright, RGB, resized."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from service.engine.bounds import (
    AbandonedError,
    Source,
    check_before_decoding,
    check_before_opening,
)
from service.engine.captions import Pixels
from service.engine.errors import ImageError
from service.engine.formats import NAMES, damaged, open_image
from service.engine.manifest import InputSpec
from service.engine.pixels import ON_ITS_SIDE, orientation_of, upright_square

MAX_SIDE = 20_000  # pixels; no camera makes more, and few programs can show it


@dataclass(frozen=True, slots=True)
class Photo:
    """A decoded photo; width and height are those of the upright picture as sent."""

    pixels: Pixels  # uint8 [input height, input width, 3]
    width: int
    height: int
    format: str


def decode(
    data: bytes,
    spec: InputSpec,
    max_pixels: int,
    is_wanted: Callable[[], bool] = lambda: True,
) -> Photo:
    """Decode a photo's first frame for a model that takes `spec`.

    Raises ImageError, and AbandonedError once `is_wanted` says that nobody waits for it.
    """
    if not data:
        raise ImageError("image_empty", "the image file is empty; send one with content")
    check_before_opening(data)
    with open_image(Source(data, is_wanted), data) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise _too_many_pixels(max_pixels)
        if max(image.size) > MAX_SIDE:
            raise ImageError(
                "too_many_pixels",
                f"a side of the image is longer than {MAX_SIDE:,} pixels; send a smaller one",
            )
        name = image.format or ""
        check_before_decoding(data, image, max_pixels)
        try:
            # JPEG can be decoded at 1/2, 1/4 or 1/8 of its size, many times faster.
            image.draft("RGB", (2 * spec.width, 2 * spec.height))
            image.load()
            orientation = orientation_of(image)
            square = upright_square(image, orientation, spec)
        except (ImageError, AbandonedError):
            raise
        except MemoryError:
            raise _too_many_pixels(max_pixels) from None
        except Exception as error:  # Pillow's decoders raise whatever the damage leads to
            raise damaged() from error
    if orientation in ON_ITS_SIDE:
        width, height = height, width
    return Photo(np.asarray(square), width, height, NAMES.get(name, name))


def _too_many_pixels(max_pixels: int) -> ImageError:
    return ImageError(
        "too_many_pixels", f"the image has more than {max_pixels:,} pixels; send a smaller one"
    )
