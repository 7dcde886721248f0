"""A photo file as the pixels that the encoder reads."""

from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageOps
from pillow_heif import register_heif_opener

IMAGE_SIDE = 224
RESIZE_FILTER = Image.Resampling.BICUBIC
COLOURS = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
MOST = 0.97  # share of the photo's width and height that a crop keeps


def load_image(path: Path, side: int = IMAGE_SIDE) -> npt.NDArray[np.uint8]:
    """RGB pixels uint8 [side, side, 3], upright; the whole frame is squashed to a square."""
    square = open_photo(path).resize((side, side), RESIZE_FILTER)
    return np.asarray(square)


def load_crops(
    path: Path, side: int, pair: int, least: float, colour: float
) -> npt.NDArray[np.uint8]:
    """RGB pixels uint8 [2, side, side, 3] of random parts of a photo, which its name and the
    number of the pair decide.

    Each has the photo's proportions, keeps between `least` and `MOST` of its sides, and is squashed
    like it. Brightness, contrast and saturation are multiplied by 1 - `colour` to 1 + `colour`.
    """
    photo, random = open_photo(path), np.random.default_rng([crc32(path.name.encode()), pair])
    crops = []
    for share in random.uniform(least, MOST, 2):
        left, top = random.uniform(0, 1 - share, 2) * photo.size
        right, bottom = (left, top) + share * np.array(photo.size)
        crop = photo.resize((side, side), RESIZE_FILTER, (left, top, right, bottom))
        for change in COLOURS if colour else ():
            crop = change(crop).enhance(random.uniform(1 - colour, 1 + colour))
        crops.append(crop)
    return np.stack([np.asarray(crop) for crop in crops])


def open_photo(path: Path) -> Image.Image:
    """The whole photo, upright, as RGB. Raises ValueError, which names it, if it is broken."""
    _register_formats()
    try:
        with Image.open(path) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = str(error).replace(str(path), path.name)
        raise ValueError(f"{path} cannot be decoded: {reason}") from error


@cache
def _register_formats() -> None:
    register_heif_opener()
