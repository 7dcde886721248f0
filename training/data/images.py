"""A photo file as the pixels that the encoder reads."""

from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageEnhance, ImageOps
from pillow_heif import register_heif_opener

IMAGE_SIDE = 224
RESIZE_FILTER = Image.Resampling.BICUBIC
COLOURS = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
BITS_PER_SAMPLE = 258  # a tag of TIFF
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
    """The whole photo as the service sees it: upright, as RGB, transparency laid on white.

    Raises ValueError, which names it, if it is broken or has floating-point pixels.
    """
    _register_formats()
    try:
        with Image.open(path) as image:
            image.load()
            photo, orientation = _rgb(image), _orientation(image)
    except Exception as error:  # Pillow's decoders raise whatever the damage leads to
        reason = str(error).replace(str(path), path.name)
        raise ValueError(f"{path} cannot be decoded: {reason}") from error
    photo.info.clear()  # EXIF that is broken elsewhere
    photo.getexif()[ExifTags.Base.Orientation] = orientation
    return ImageOps.exif_transpose(photo)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken EXIF is no reason to leave the photo out
        return 1


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ValueError("floating-point pixels are not supported; save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        return _eight_bits(image).convert("RGB")
    if image.has_transparency_data:
        # From premultiplied grey, Pillow converts to grey only.
        rgba = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of more bits, scaled; Pillow's own conversion clips at 255: photos turn white."""
    bits = getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE, (16,))[0]  # that a TIFF tells
    grey = np.asarray(image, np.int64).clip(0) * 255 // ((1 << min(bits, 16)) - 1)
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8))


@cache
def _register_formats() -> None:
    register_heif_opener()
