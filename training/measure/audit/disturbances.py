"""The same photo, taken or sent differently: what should hardly change its caption."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

Pixels = npt.NDArray[np.uint8]  # [height, width, 3]

CROP = 0.1  # of each side
BLUR_PIXELS = 3.0  # standard deviation at 224 pixels a side
NOISE_LEVELS = 30.0  # standard deviation, of 255
DARKNESS = 0.3  # of the light that is left
DEGREES = 15.0
JPEG_QUALITY = 10
WINDOW = 0.55  # of a side, that a screenshot's photo fills


def _crop(photo: Image.Image) -> Image.Image:
    width, height = photo.size
    box = (CROP * width, CROP * height, (1 - CROP) * width, (1 - CROP) * height)
    return photo.resize(photo.size, Image.Resampling.BICUBIC, box)


def _noise(photo: Image.Image) -> Image.Image:
    pixels = np.asarray(photo, np.float64)
    grain = np.random.default_rng(0).normal(0, NOISE_LEVELS, pixels.shape)
    return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))


def _compress(photo: Image.Image) -> Image.Image:
    buffer = BytesIO()
    photo.save(buffer, "JPEG", quality=JPEG_QUALITY)
    with Image.open(buffer) as compressed:
        return compressed.convert("RGB")


def _screenshot(photo: Image.Image) -> Image.Image:
    """The photo in a window: a title bar above it and lines for text below it."""
    width, height = photo.size
    page = Image.new("RGB", photo.size, (245, 245, 245))
    page.paste((60, 90, 140), (0, 0, width, height // 10))
    for line in range(4):
        top = int((0.76 + 0.06 * line) * height)
        page.paste((90, 90, 90), (width // 10, top, int((0.9 - 0.1 * line) * width), top + 4))
    window = photo.resize((int(WINDOW * width), int(WINDOW * height)), Image.Resampling.BICUBIC)
    page.paste(window, ((width - window.width) // 2, int(0.14 * height)))
    return page


DISTURBANCES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "mirrored": ImageOps.mirror,
    "cropped": _crop,
    "grey": lambda photo: ImageOps.grayscale(photo).convert("RGB"),
    "blurred": lambda photo: photo.filter(ImageFilter.GaussianBlur(BLUR_PIXELS)),
    "noisy": _noise,
    "dark": lambda photo: ImageEnhance.Brightness(photo).enhance(DARKNESS),
    "rotated by 15 degrees": lambda photo: photo.rotate(DEGREES, Image.Resampling.BICUBIC),
    "rotated by 90 degrees": lambda photo: photo.transpose(Image.Transpose.ROTATE_90),
    "compressed": _compress,
    "in a screenshot": _screenshot,
}


def disturb(pixels: Pixels, how: str) -> Pixels:
    """RGB pixels of the same shape, disturbed in one of the ways of `DISTURBANCES`."""
    return np.asarray(DISTURBANCES[how](Image.fromarray(pixels)))
