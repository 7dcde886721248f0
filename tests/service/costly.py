"""Small files whose decoding costs much: time, memory, or both."""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

SIDE = 7000  # 49 megapixels, nearly as large as is allowed


def _encode(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def _small(format: str) -> bytes:
    return _encode(Image.new("L", (8, 8)), format)


def large_photos() -> Iterator[tuple[str, bytes, int]]:
    """Name, file and the megabytes that decoding it may take, of every format."""

    def plain(mode: str) -> Image.Image:
        return Image.new(mode, (SIDE, SIDE))

    half = Image.new("RGBA", (SIDE, SIDE), "#0008")
    progressive = _encode(plain("L"), "JPEG", progressive=True)
    deep = Image.fromarray(np.full((SIDE, SIDE), 40_000, np.uint16))
    yield "JPEG", _encode(plain("L"), "JPEG"), 32
    yield "progressive JPEG", progressive, 200  # every coefficient waits for its last bits
    yield "PNG with alpha", _encode(half, "PNG", compress_level=1), 500
    yield "grey PNG with alpha", _encode(plain("LA"), "PNG", compress_level=1), 400
    yield "palette PNG, transparent", _encode(plain("P"), "PNG", transparency=0), 400
    yield "16-bit PNG", _encode(deep, "PNG", compress_level=1), 400
    yield "GIF", _encode(plain("P"), "GIF"), 400
    yield "CMYK TIFF", _encode(plain("CMYK"), "TIFF", compression="tiff_lzw"), 500
    yield "WebP", _encode(plain("RGB"), "WEBP", lossless=True, method=0), 850
    yield "AVIF", _encode(plain("RGB"), "AVIF", speed=10), 600


def bombs_of_work() -> Iterator[tuple[str, bytes, tuple[str, ...]]]:
    """Name, file and the codes it may get ("" for a caption)."""
    refused = ("image_too_complex",)
    yield "JPEG of 406 scans", jpeg_of_scans(400), refused
    yield "JPEG of 400,000 segments", _jpeg(b"\xff\xe9\x00\x02" * 400_000), refused
    yield "JPEG of 9 MB of EXIF", _jpeg(_exif_segment(_exif_bomb()) * 140), ("",)
    yield "PNG of 400,000 chunks", _png(png_chunk(b"teXt", b"") * 400_000), refused
    profile = png_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(16_000_000), 9))
    yield "PNG of 100 colour profiles", _png(profile * 100), refused
    yield "PNG of 9 MB of EXIF", _png(png_chunk(b"eXIf", _exif_bomb() + bytes(9_000_000))), ("",)
    gif = _small("GIF")
    start = gif.index(b"\x2c")
    comment = b"\x21\xfe" + (b"\xff" + bytes(255)) * 39_000 + b"\0"
    yield "GIF of a comment of 10 MB", gif[:start] + comment + gif[start:], ("",)
    yield "BMP of a million runs", _bmp_of_runs(1_000_000), refused
    yield "TIFF of two million tiles", _tiff_of_tiles(2_000_000), refused
    yield "TIFF whose strips overlap", _tiff_of_strips(), refused
    lzma = _encode(Image.new("L", (SIDE, SIDE)), "TIFF", compression="lzma")
    yield "TIFF packed by LZMA", lzma, ("unsupported_format",)
    heif = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"iovl" * 1_000
    yield "HEIF of nothing but its name", heif, ("image_truncated",)


def jpeg_of_scans(repeated: int) -> bytes:
    """A progressive JPEG of 49 megapixels whose last scan is repeated."""
    jpeg = _encode(Image.new("L", (SIDE, SIDE)), "JPEG", progressive=True)
    last = jpeg[jpeg.rindex(b"\xff\xc4") : -2]
    return jpeg[:-2] + last * repeated + b"\xff\xd9"


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(chunks: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    pixels = png_chunk(b"IDAT", zlib.compress(bytes(8 * 9)))
    start = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)
    return start + chunks + pixels + png_chunk(b"IEND", b"")


def _jpeg(segments: bytes) -> bytes:
    jpeg = _small("JPEG").replace(b"JFIF", b"JFIX")  # without a resolution, EXIF is read for it
    return jpeg[:2] + segments + jpeg[2:]


def _exif_bomb() -> bytes:
    """5,000 tags, each of which claims the same 60,000 bytes."""
    tags = (struct.pack("<HHII", 0x8000 + i, 7, 60_000, 0) for i in range(5_000))
    return b"II*\0" + struct.pack("<IH", 8, 5_000) + b"".join(tags) + bytes(4_000)


def _exif_segment(exif: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif


def _bmp_of_runs(runs: int) -> bytes:
    body = b"\x01\x05" * runs
    start = 54 + 1024
    header = struct.pack("<IiiHHIIiiII", 40, SIDE, runs // SIDE, 1, 8, 1, len(body), 0, 0, 256, 0)
    file = b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start)
    return file + header + bytes(1024) + body


def tiff(tags: dict[int, tuple[int, int, int]], body: bytes) -> bytes:
    """A TIFF of `body`, which starts at byte 8, and of tags: (kind, count, value or place)."""
    entries = b"".join(struct.pack("<HHII", tag, *each) for tag, each in sorted(tags.items()))
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(body)) + body + directory


def _grey(width: int, height: int, compression: int) -> dict[int, tuple[int, int, int]]:
    sizes = {256: (4, 1, width), 257: (4, 1, height)}
    return sizes | {259: (3, 1, compression), 258: (3, 1, 8), 262: (3, 1, 1), 277: (3, 1, 1)}


def _tiff_of_tiles(tiles: int) -> bytes:
    """Tiles of one pixel, all at the same place."""
    shared = {322: (3, 1, 1), 323: (3, 1, 1), 324: (4, tiles, 8), 325: (4, tiles, 8)}
    return tiff(_grey(SIDE, SIDE, 1) | shared, struct.pack("<I", 8) * tiles)


def _tiff_of_strips() -> bytes:
    """2,500 strips of one row, each of which claims the same 9 MB."""
    rows, claimed = 2_500, 9_000_000
    body = zlib.compress(bytes(20_000)).ljust(claimed, b"\0")
    places = {273: (4, rows, 8 + claimed), 279: (4, rows, 8 + claimed + 4 * rows)}
    numbers = struct.pack("<I", 8) * rows + struct.pack("<I", claimed) * rows
    return tiff(_grey(20_000, rows, 8) | {278: (3, 1, 1)} | places, body + numbers)
