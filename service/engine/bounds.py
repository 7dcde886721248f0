"""Bounds on the work that a photo's file makes, whatever its size in bytes or pixels."""

import math
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from io import BytesIO

from PIL import Image

from service.engine.errors import ImageError

# Pillow's parsers read a file block by block, in Python: 300,000 blocks take about a second.
MAX_READS = 300_000
# A progressive JPEG is decoded scan by scan. Encoders write about ten of them.
MAX_SCANS_OF_LARGEST = 30
MAX_PROFILES = 4
MAX_TILES = 65_536  # strips or tiles of a TIFF
MAX_CLAIMED_BYTES = 200_000_000  # by all of them together
# What photographs and scanners use. LZMA and Zstandard unpack a few bytes to gigabytes, and JPEG
# of the old kind is a stream of its own inside the file.
# None, CCITT's three, LZW, JPEG, Deflate, PackBits, and Deflate by its older number.
_TIFF_COMPRESSIONS = (1, 2, 3, 4, 5, 7, 8, 32_773, 32_946)
_COMPRESSION, _STRIP_OFFSETS, _STRIP_SIZES = 259, 273, 279
_TILE_OFFSETS, _TILE_SIZES = 324, 325
_ROWS_PER_STRIP, _TILE_WIDTH, _TILE_HEIGHT, _PLANAR, _SAMPLES = 278, 322, 323, 284, 277
_JPEG, _SEPARATE = 7, 2  # a compression, and samples that are stored apart
_PIECES = (_STRIP_OFFSETS, _STRIP_SIZES, _TILE_OFFSETS, _TILE_SIZES)
_CHECKED = (_COMPRESSION, _TILE_WIDTH, _TILE_HEIGHT, *_PIECES)
# TIFF's integers, without a sign and with one; libtiff takes either for all of these tags.
_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q", 6: "b", 8: "h", 9: "i", 17: "q"}
# JPEG's markers that a length follows, and the one that ends a picture. In compressed data 0xFF
# comes before 0 or a restart marker; libjpeg skips those below 0xC0 alone, as this does.
_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd9-\xfe])")
_SCAN, _END = 0xDA, 0xD9
# The entry that says of what kind an item of a HEIF is, whatever its version and form of length.
_OVERLAY = re.compile(rb"infe.{0,24}iovl", re.DOTALL)


class AbandonedError(Exception):
    """Nobody waits for the photo any more."""


class Source(BytesIO):
    """A photo's bytes, which can be read so many times and for as long as they are wanted."""

    def __init__(self, data: bytes, is_wanted: Callable[[], bool]) -> None:
        super().__init__(data)
        self._is_wanted = is_wanted
        self._reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Raises ImageError `image_too_complex` and AbandonedError."""
        self._reads += 1
        if self._reads > MAX_READS:
            raise too_complex("it consists of too many blocks")
        if not self._is_wanted():
            raise AbandonedError
        return super().read(size)


def too_complex(why: str) -> ImageError:
    return ImageError(
        "image_too_complex", f"the image takes too long to decode: {why}; save it as a plain JPEG"
    )


def check_before_opening(data: bytes) -> None:
    """Raises ImageError for what already costs too much while a file's header is read."""
    if data.startswith(b"\x89PNG") and data.count(b"iCCP") > MAX_PROFILES:
        raise too_complex("it holds too many colour profiles")
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        _check_tiff(data)


def check_before_decoding(data: bytes, image: Image.Image, max_pixels: int) -> None:
    """Raises ImageError if decoding the image, which was opened from `data`, costs too much."""
    tile = _largest_tile(data) if image.format == "TIFF" else 0
    if tile > max_pixels:
        raise ImageError(
            "too_many_pixels",
            f"a tile of the image has more than {max_pixels:,} pixels; save it as a plain JPEG",
        )
    scans = _scans(data, image)
    if scans * max(tile, image.width * image.height) > MAX_SCANS_OF_LARGEST * max_pixels:
        raise too_complex(f"it is coded in {scans:,} scans")
    if image.format == "HEIF" and _OVERLAY.search(data):
        raise too_complex("it is composed of overlaid images")


def _scans(data: bytes, image: Image.Image) -> int:
    """How many times the pixels are decoded, at most. Raises ImageError `image_too_complex`."""
    if image.format in ("JPEG", "MPO"):
        return _scans_of_jpeg(data)
    tags = getattr(image, "tag_v2", {})
    if tags.get(_COMPRESSION) != _JPEG:
        return 1
    return _scans_of_tiff(data, _pieces(tags, *image.size))


def _scans_of_jpeg(data: bytes) -> int:
    """Those of the first picture: a phone's video or second picture may follow it."""
    scans = at = 0
    for _ in range(MAX_READS):
        marker = _MARKER.search(data, at)
        if not marker or marker[1][0] == _END:
            return scans
        scans += marker[1][0] == _SCAN
        at = marker.end() + max(2, int.from_bytes(data[marker.end() : marker.end() + 2]))
    raise too_complex("it consists of too many blocks")


def _scans_of_tiff(data: bytes, pieces: int) -> int:
    """Those of its first page, whose pieces are JPEGs: on average of its pieces, rounded up.

    Bytes that several pieces share count for each.
    """
    scan = bytes((0xFF, _SCAN))
    told = {tag: values for tag, values in _readable_tags(data) if tag in _PIECES}
    kind = (_TILE_OFFSETS, _TILE_SIZES) if _TILE_OFFSETS in told else (_STRIP_OFFSETS, _STRIP_SIZES)
    places, sizes = (told.get(tag, ())[:pieces] for tag in kind)
    if len(told) != 2 or {len(places), len(sizes)} != {pieces} or min(*places, *sizes) <= 0:
        return data.count(scan)  # where libtiff guesses, any piece may hold all of them
    spans = zip(places, sizes, strict=True)
    return math.ceil(sum(data.count(scan, at, at + size) for at, size in spans) / pieces)


def _largest_tile(data: bytes) -> int:
    """Pixels that a TIFF's tiles may have; one is unpacked whole, however small the picture is."""
    sides = {_TILE_WIDTH: 0, _TILE_HEIGHT: 0}
    for tag, values in _readable_tags(data):
        if tag in sides:
            sides[tag] = max(sides[tag], *values)
    return math.prod(sides.values())


def _pieces(tags: Mapping[int, object], width: int, height: int) -> int:
    """The strips or tiles that a TIFF of this size has, each of which is a JPEG of one scan."""

    def number(tag: int, otherwise: int) -> int:
        value = tags.get(tag)
        return value if isinstance(value, int) and value > 0 else otherwise

    across = math.ceil(width / number(_TILE_WIDTH, width))
    rows = number(_TILE_HEIGHT, number(_ROWS_PER_STRIP, height))
    bands = number(_SAMPLES, 1) if tags.get(_PLANAR) == _SEPARATE else 1
    return across * math.ceil(height / rows) * bands


def _check_tiff(data: bytes) -> None:
    for tag, values in _readable_tags(data):
        _check_tag(tag, values)


def _readable_tags(data: bytes) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Those of `_tags` up to where the file is damaged, which decoding it will find."""
    with suppress(struct.error, OverflowError):
        yield from _tags(data)


def _check_tag(tag: int, values: tuple[int, ...]) -> None:
    if tag == _COMPRESSION and values[0] not in _TIFF_COMPRESSIONS:
        raise ImageError(
            "unsupported_format",
            f"TIFF files of compression {values[0]} are not supported; save it as LZW or Deflate",
        )
    if tag in (_STRIP_OFFSETS, _TILE_OFFSETS) and len(values) > MAX_TILES:
        raise too_complex(f"it consists of more than {MAX_TILES:,} pieces")
    # Pieces that share their bytes make a small file cost as much as a large one.
    if tag in (_STRIP_SIZES, _TILE_SIZES) and sum(map(abs, values)) > MAX_CLAIMED_BYTES:
        raise too_complex("its pieces overlap")


def _tags(data: bytes) -> Iterator[tuple[int, tuple[int, ...]]]:
    """The checked tags of a TIFF's first directory and their numbers.

    Raises struct.error or OverflowError where the file is damaged.
    """
    order = "<" if data.startswith(b"I") else ">"
    big = b"+" in data[2:4]
    address, entry = (order + "Q", order + "HHQ") if big else (order + "I", order + "HHI")
    [start] = struct.unpack_from(address, data, 8 if big else 4)
    [entries] = struct.unpack_from(order + ("Q" if big else "H"), data, start)
    start += 8 if big else 2
    for i in range(min(entries, 65_535)):
        at = start + i * (20 if big else 12)
        tag, kind, count = struct.unpack_from(entry, data, at)
        if tag not in _CHECKED or kind not in _NUMBERS or not count:
            continue
        at += struct.calcsize(entry)
        if count * struct.calcsize(_NUMBERS[kind]) > struct.calcsize(address):
            [at] = struct.unpack_from(address, data, at)
        count = min(count, MAX_TILES + 1)  # of pieces, no more need be known
        yield tag, struct.unpack_from(f"{order}{count}{_NUMBERS[kind]}", data, at)
