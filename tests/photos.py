"""Photographs that may be shown: those that ship inside the scikit-image wheel, and crops."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import skimage
from PIL import Image

FOLDER = Path(skimage.__file__).parent / "data"
PHOTOS = tuple(
    FOLDER / name
    for name in (
        "chelsea.png",  # a cat
        "coffee.png",
        "astronaut.png",
        "motorcycle_left.png",
        "rocket.jpg",
        "camera.png",  # a man with a camera, grey
        "brick.png",
        "grass.png",
        "gravel.png",
        "hubble_deep_field.jpg",
    )
)


def jpeg(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def flickr_sized_jpeg() -> bytes:
    """A 500x375 photo, the usual size of Flickr8k."""
    with Image.open(PHOTOS[0]) as image:
        return jpeg(image.resize((500, 375)))


def views(count: int, side: int) -> Iterator[np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]]:
    """Different square RGB views of the photos: whole, and random crops, some mirrored."""
    random = np.random.default_rng(7)
    for i in range(count):
        with Image.open(PHOTOS[i % len(PHOTOS)]) as image:
            rgb = image.convert("RGB")
        if i >= len(PHOTOS):
            width = int(random.uniform(0.4, 0.9) * rgb.width)
            height = int(random.uniform(0.4, 0.9) * rgb.height)
            left = int(random.integers(rgb.width - width))
            top = int(random.integers(rgb.height - height))
            rgb = rgb.crop((left, top, left + width, top + height))
            if random.random() < 0.5:
                rgb = rgb.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        yield np.asarray(rgb.resize((side, side)))
