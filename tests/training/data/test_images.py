"""Photo files as training reads them: the same pixels as the service sees."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from service.engine.images import decode
from service.engine.manifest import InputSpec
from tests.service.conftest import encode
from training.data.images import load_image, open_photo

SPEC = InputSpec(height=48, width=48, resize_filter="bicubic")
SIZE = (96, 64)


def ramp() -> Image.Image:
    """Shades from black to white, from left to right and more slowly downwards."""
    shades = np.add.outer(np.arange(SIZE[1]) // 2, np.linspace(0, 220, SIZE[0]))
    return Image.fromarray(shades.astype(np.uint8))


def cut_out(mode: str) -> Image.Image:
    """A dark thing whose surroundings are transparent, and black below that."""
    alpha = Image.new("L", SIZE, 0)
    alpha.paste(255, (30, 20, 60, 50))
    alpha.paste(128, (10, 10, 20, 20))
    image = Image.new("RGB", SIZE, (60, 20, 0)) if mode == "RGBA" else Image.new("L", SIZE, 40)
    image.putalpha(alpha)
    return image


def deep() -> Image.Image:
    return Image.fromarray(np.asarray(ramp()).astype(np.uint16) * 257)


def rotated(orientation: int) -> bytes:
    image = ramp().convert("RGB")
    image.getexif()[ExifTags.Base.Orientation] = orientation
    return encode(image, "JPEG", exif=image.getexif(), quality=100, subsampling=0)


def files() -> Iterator[tuple[str, bytes]]:
    lossless: dict[str, dict[str, Any]] = {"PNG": {}, "WEBP": {"lossless": True}, "GIF": {}}
    for format, options in lossless.items():
        yield f"cut-out as {format}", encode(cut_out("RGBA"), format, **options)
    yield "grey cut-out as PNG", encode(cut_out("LA"), "PNG")
    colour = ramp().convert("RGB").quantize(200)
    yield "palette with a transparent colour", encode(colour, "PNG", transparency=5)
    for format in ("PNG", "TIFF"):
        yield f"16 bits as {format}", encode(deep(), format)
    yield "black and white", encode(ramp().convert("1"), "PNG")
    yield "CMYK", encode(ramp().convert("CMYK"), "JPEG", quality=100)
    for orientation in range(1, 9):
        yield f"orientation {orientation}", rotated(orientation)
    yield "broken EXIF", rotated(3).replace(b"MM\x00*\x00\x00\x00\x08", b"MM\x00*\xff\xff\xff\xff")


@pytest.mark.parametrize(("name", "data"), [*files()], ids=[name for name, _ in files()])
def test_training_reads_the_pixels_that_the_service_sees(
    tmp_path: Path, name: str, data: bytes
) -> None:
    path = tmp_path / "photo"
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of broken EXIF
        served = decode(data, SPEC, 10_000_000).pixels.astype(int)
        read = load_image(path, 48).astype(int)
    assert np.abs(read - served).max() <= 2
    assert np.ptp(read) > 20


def test_floating_point_pixels_are_refused_as_by_the_service(tmp_path: Path) -> None:
    path = tmp_path / "photo.tif"
    Image.fromarray(np.zeros((4, 4), np.float32)).save(path)
    with pytest.raises(ValueError, match=r"photo\.tif cannot be decoded: floating-point pixels"):
        open_photo(path)


def test_whatever_a_decoder_raises_names_the_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "photo.png"
    ramp().save(path)

    def fail(image: Image.Image) -> None:
        raise RuntimeError("no such block")

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", fail)
    with pytest.raises(ValueError, match=r"photo\.png cannot be decoded: no such block"):
        open_photo(path)
