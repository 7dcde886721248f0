"""Files that people send by mistake or in bad faith, and what each must get."""

import struct
import zlib
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from typing import Any, NamedTuple

import httpx
import numpy as np
from PIL import Image
from pillow_heif import register_heif_opener

from tests.service.conftest import problem
from tests.service.costly import bombs_of_work, large_photos, png_chunk

OK = ""  # the code of what is captioned


class Row(NamedTuple):
    name: str
    data: bytes
    status: int  # 0 where it depends on the code
    codes: tuple[str, ...]  # of the problem, one of them; OK where there is none
    megabytes: int = 8  # of memory that decoding it may take
    seconds: float = 1  # of processor time that decoding it may take

    def check(self, answer: httpx.Response) -> None:
        """Raise AssertionError unless it is an answer that this file may get."""
        if answer.status_code == 200:
            # A decoder may make do with what is there of a photo that was cut near its end.
            assert OK in self.codes or " cut at " in self.name, self.name
        else:
            assert 400 <= answer.status_code < 500, self.name
            code = answer.json()["code"]
            assert code in self.codes, self.name
            problem(answer, self.status or answer.status_code, code)


@cache
def corpus() -> tuple[Row, ...]:
    register_heif_opener()
    return (*_bombs(), *_truncated(), *_foreign(), *_polyglots(), *_odd_photos())


def _encode(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def _noise(width: int = 64, height: int = 48, channels: int = 3) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)
    return Image.fromarray(pixels.squeeze())


def _png(width: int, height: int, body: bytes = b"") -> bytes:
    """A PNG that announces a size, with whatever for its pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            png_chunk(b"IHDR", header),
            png_chunk(b"IDAT", zlib.compress(body)),
            png_chunk(b"IEND", b""),
        )
    )


def _bombs() -> Iterator[Row]:
    """Small files that announce, or unpack to, far too much."""
    too_large = (413, ("too_many_pixels",))
    yield Row("PNG of 10 gigapixels", _png(100_000, 100_000), *too_large)
    yield Row("PNG of 100 megapixels", _png(10_000, 10_000), *too_large)
    yield Row("PNG of 2^31 - 1 by 1", _png(2**31 - 1, 1), *too_large)
    yield Row("PNG of no pixels", _png(0, 0), 422, ("image_truncated",))
    packed = bytes(50_000_000)
    yield Row("PNG that unpacks to more than it says", _png(8, 8, packed), 200, (OK,))
    webp = bytearray(_encode(_noise(), "WEBP", lossless=True))
    bits = struct.unpack("<I", webp[21:25])[0]
    webp[21:25] = struct.pack("<I", bits & ~0xFFFFFFF | 16_382 | 16_382 << 14)
    yield Row("WebP of 268 megapixels", bytes(webp), *too_large)
    gif = bytearray(_encode(_noise().quantize(16), "GIF"))
    gif[6:10] = struct.pack("<HH", 65_535, 65_535)
    yield Row("GIF of 4 gigapixels", bytes(gif), *too_large)
    tiff = _encode(Image.new("1", (8000, 8000)), "TIFF", compression="group4")
    yield Row("TIFF of 64 megapixels", tiff, *too_large)
    jpeg = bytearray(_encode(_noise(), "JPEG"))
    start = jpeg.index(b"\xff\xc0") + 5
    jpeg[start : start + 4] = struct.pack(">HH", 65_535, 65_535)
    yield Row("JPEG of 4 gigapixels", bytes(jpeg), *too_large)
    bmp = bytearray(_encode(_noise(), "BMP"))
    bmp[18:26] = struct.pack("<ii", 60_000, 60_000)
    yield Row("BMP of 3.6 gigapixels", bytes(bmp), *too_large)
    yield Row("1 by 20,000", _encode(Image.new("L", (1, 20_000)), "PNG"), 200, (OK,))
    yield Row("1 by 20,001", _encode(Image.new("L", (1, 20_001)), "PNG"), *too_large)
    for name, data, megabytes in large_photos():
        yield Row(f"{name} of 49 megapixels", data, 200, (OK,), megabytes, seconds=4)
    for name, data, codes in bombs_of_work():
        yield Row(name, data, 0, codes, megabytes=60, seconds=2)


def _truncated() -> Iterator[Row]:
    """Cut at every twentieth: what is left is a photo, or else plainly damaged."""
    files = {
        "JPEG": _encode(_noise(), "JPEG"),
        "progressive JPEG": _encode(_noise(), "JPEG", progressive=True),
        "PNG": _encode(_noise(), "PNG"),
        "WebP": _encode(_noise(), "WEBP"),
        "GIF": _encode(_noise().quantize(64), "GIF"),
        "BMP": _encode(_noise(), "BMP"),
        "TIFF": _encode(_noise(), "TIFF", compression="tiff_lzw"),
        "AVIF": _encode(_noise(), "AVIF"),
        "HEIF": _encode(_noise(), "HEIF"),
    }
    damaged = ("image_truncated", "image_empty", "not_an_image", "too_many_pixels")
    for name, data in files.items():
        for part in range(20):
            cut = data[: len(data) * part // 20]
            yield Row(f"{name} cut at {part}/20", cut, 0, damaged)
        yield Row(f"{name} whole", data, 200, (OK,))


def _foreign() -> Iterator[Row]:
    """Files of other kinds."""
    unsupported = (415, ("unsupported_format",))
    yield Row("nothing", b"", 422, ("image_empty",))
    yield Row("PDF", b"%PDF-1.7\n1 0 obj\n", *unsupported)
    yield Row("EPS", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", *unsupported)
    yield Row("SVG", b'<svg xmlns="http://www.w3.org/2000/svg"/>', *unsupported)
    yield Row("ICO", _encode(_noise(), "ICO"), *unsupported)
    yield Row("Photoshop", b"8BPS\x00\x01" + bytes(40), *unsupported)
    yield Row("JPEG 2000", _encode(_noise(), "JPEG2000"), *unsupported)
    unknown = (415, ("not_an_image",))
    yield Row("TGA", _encode(_noise(), "TGA"), *unknown)
    yield Row("PCX", _encode(_noise(), "PCX"), *unknown)
    yield Row("PPM", _encode(_noise(), "PPM"), *unknown)
    yield Row("ZIP", b"PK\x03\x04" + bytes(100), *unknown)
    yield Row("ELF", b"\x7fELF" + bytes(100), *unknown)
    yield Row("HTML", b"<html><script>alert(1)</script></html>", *unknown)
    yield Row("text", b"not a photo at all", *unknown)
    noise = np.random.default_rng(1).integers(0, 256, 1_000_000, np.uint8).tobytes()
    yield Row("a megabyte of noise", noise, *unknown)
    yield Row("20 megabytes of noise", noise * 20, 413, ("too_many_bytes",))


def _polyglots() -> Iterator[Row]:
    """Files of two kinds at once."""
    jpeg, png = _encode(_noise(), "JPEG"), _encode(_noise(), "PNG")
    yield Row("JPEG with a ZIP behind it", jpeg + b"PK\x03\x04" + bytes(100), 200, (OK,))
    yield Row("PNG with HTML behind it", png + b"<script>alert(1)</script>", 200, (OK,))
    yield Row("JPEG and PNG", jpeg + png, 200, (OK,))
    yield Row("PDF with a JPEG in it", b"%PDF-1.7\n" + jpeg, 415, ("unsupported_format",))
    yield Row("GIF's first bytes and HTML", b"GIF89a<script>alert(1)</script>", 0, _ANY)
    comment = _encode(_noise(), "JPEG", comment=b"<?php system($_GET['c']); ?>")
    yield Row("JPEG with a program for a comment", comment, 200, (OK,))


_ANY = ("image_truncated", "not_an_image", "unsupported_format", "too_many_pixels")


def _odd_photos() -> Iterator[Row]:
    """Unusual, but photos."""
    grey = _noise(channels=1)
    exif = Image.Exif()
    odd = {
        "one pixel": _encode(Image.new("RGB", (1, 1)), "PNG"),
        "16-bit PNG": _encode(Image.fromarray(np.full((9, 9), 40_000, np.uint16)), "PNG"),
        "CMYK JPEG": _encode(_noise().convert("CMYK"), "JPEG"),
        "palette PNG": _encode(_noise().quantize(16), "PNG"),
        "palette PNG, transparent": _encode(_noise().quantize(16), "PNG", transparency=3),
        "PNG with alpha": _encode(_noise(channels=4), "PNG"),
        "grey with alpha": _encode(grey.convert("LA"), "PNG"),
        "bilevel TIFF": _encode(grey.convert("1"), "TIFF"),
        "animated GIF": _encode(
            grey, "GIF", save_all=True, append_images=[grey.rotate(90), grey.rotate(180)]
        ),
        "animated WebP": _encode(
            _noise(), "WEBP", save_all=True, append_images=[_noise().rotate(90)]
        ),
        "interlaced GIF": _encode(grey, "GIF", interlace=1),
        "progressive JPEG": _encode(_noise(), "JPEG", progressive=True),
        "JPEG with broken EXIF": _encode(_noise(), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff"),
        "AVIF": _encode(_noise(), "AVIF"),
        "HEIC": _encode(_noise(), "HEIF"),
    }
    for name, data in odd.items():
        yield Row(name, data, 200, (OK,))
    for orientation in range(10):
        exif[0x0112] = orientation
        name = f"JPEG of EXIF orientation {orientation}"
        yield Row(name, _encode(_noise(), "JPEG", exif=exif), 200, (OK,))
