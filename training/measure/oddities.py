"""Pictures that no caption suits: noise, one colour, pages of text, screens and drawings."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from training.data.images import IMAGE_SIDE, RESIZE_FILTER
from training.measure.drawn import drawing, screenshot

Pixels = npt.NDArray[np.uint8]
PAGE = 800
WORDS = (
    "invoice total amount number date page table of contents chapter introduction the results "
    "are shown in figure and discussed below see also section for details please contact us"
).split()


class Oddity(NamedTuple):
    kind: str
    pixels: Pixels  # uint8 [side, side, 3]


def oddities(count: int, seed: int, side: int = IMAGE_SIDE) -> Iterator[Oddity]:
    """`count` pictures of each kind; another seed gives others."""
    for kind, pixels in _drawn(count, seed):
        yield Oddity(kind, pixels if side == IMAGE_SIDE else _square(Image.fromarray(pixels), side))


def _drawn(count: int, seed: int) -> Iterator[Oddity]:
    random = np.random.default_rng(seed)
    for _ in range(count):
        yield Oddity("noise", _noise(random))
        yield Oddity("blank", _blank(random))
        yield Oddity("text", _text(random))
        yield Oddity("screenshot", _square(screenshot(random)))
        yield Oddity("drawing", _square(drawing(random)))


def _noise(random: np.random.Generator) -> Pixels:
    """Grey or coloured, of grains from one pixel to an eighth of the picture."""
    grains = IMAGE_SIDE // int(random.choice([1, 2, 4, 7, 14, 28]))
    channels = int(random.choice([1, 3]))
    grid = random.integers(0, 256, (grains, grains, channels), np.uint8)
    return _square(Image.fromarray(np.broadcast_to(grid, (grains, grains, 3)).copy()))


def _blank(random: np.random.Generator) -> Pixels:
    """One colour, or a slow change from one to another."""
    first, second = random.integers(0, 256, (2, 3))
    if random.random() < 0.5:
        second = first
    share = np.linspace(0, 1, IMAGE_SIDE)[:, np.newaxis, np.newaxis]
    return np.broadcast_to(first + share * (second - first), (IMAGE_SIDE, IMAGE_SIDE, 3)).astype(
        np.uint8
    )


def _text(random: np.random.Generator) -> Pixels:
    """A page of words, dark on light or light on dark."""
    colours = ("black", "white") if random.random() < 0.3 else ("white", "black")
    page = Image.new("RGB", (PAGE, PAGE), colours[0])
    size = int(random.integers(14, 60))
    font, draw = ImageFont.load_default(size=size), ImageDraw.Draw(page)
    for top in range(20, PAGE - size, int(1.4 * size)):
        words = " ".join(random.choice(WORDS, int(random.integers(2, 12))))
        draw.text((20, top), words, fill=colours[1], font=font)
    return _square(page)


def _square(image: Image.Image, side: int = IMAGE_SIDE) -> Pixels:
    return np.asarray(image.resize((side, side), RESIZE_FILTER))
