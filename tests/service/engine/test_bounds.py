"""Bounds on the work of decoding; tests/service/costly.py has the files that reach them."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from service.engine.bounds import (
    MAX_READS,
    Source,
    _pieces,
    check_before_decoding,
    check_before_opening,
)
from service.engine.errors import ImageError
from service.engine.formats import open_image
from tests.service.conftest import encode
from tests.service.costly import bombs_of_work, jpeg_of_scans, tiff

BOMBS = {name: (data, codes) for name, data, codes in bombs_of_work()}


def code_of(check: object, *given: object) -> str:
    with pytest.raises(ImageError) as refused:
        check(*given)  # type: ignore[operator]
    return refused.value.code


def test_a_file_is_read_in_so_many_pieces_and_no_more() -> None:
    source = Source(bytes(10), lambda: True)
    for _ in range(MAX_READS):
        source.read(0)
    assert code_of(source.read, 0) == "image_too_complex"


def check(data: bytes, max_pixels: int) -> None:
    with open_image(Source(data, lambda: True), data) as image:
        check_before_decoding(data, image, max_pixels)


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def test_scans_count_by_the_pixels_they_are_decoded_for() -> None:
    data = jpeg_of_scans(100)  # 49 megapixels
    check(data, 500_000_000)
    assert code_of(check, data, 50_000_000) == "image_too_complex"


@pytest.mark.parametrize("progressive", [False, True])
def test_a_photo_as_large_as_is_allowed_has_few_enough_scans(progressive: bool) -> None:
    data = encode(noise(64, 64), "JPEG", progressive=progressive)
    check(data, 64 * 64)
    check(encode(noise(64, 64), "MPO", append_images=[noise(64, 64)], save_all=True), 64 * 64)


def test_the_video_behind_a_photo_holds_no_scans_of_it() -> None:
    check(encode(noise(8, 8), "JPEG") + 100 * b"\xff\xda\0\2", 64)


@pytest.mark.parametrize("hidden", [b"\xff\x02\xff\xff", b"\xff\x01", b"\xff\xff\xd0"])
def test_scans_do_not_hide_behind_what_a_decoder_skips_alone(hidden: bytes) -> None:
    data = encode(noise(8, 8), "JPEG", progressive=True)
    more = data[:-2] + hidden + 40 * b"\xff\xda\0\2" + data[-2:]
    assert code_of(check, more, 64) == "image_too_complex"


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate"])
def test_only_tiffs_of_jpegs_have_scans(compression: str) -> None:
    image = Image.new("L", (64, 64))
    image.frombytes(2048 * b"\xff\xda")
    check(encode(image, "TIFF", compression=compression), 64 * 64)
    check(encode(noise(64, 64), "TIFF", compression=compression) + 100 * b"\xff\xda", 64 * 64)


STRIPS = {"compression": "jpeg", "strip_size": 64 * 3 * 8}


def test_a_strip_or_tile_of_a_tiff_has_a_scan_of_its_own() -> None:
    data = encode(noise(64, 640), "TIFF", **STRIPS)
    assert data.count(b"\xff\xda") == 80
    check(data, 64 * 640)
    check(data, 64 * 640 // 20)


def test_only_the_first_page_of_a_tiff_counts() -> None:
    pages = [noise(64, 640) for _ in range(20)]
    check(encode(pages[0], "TIFF", save_all=True, append_images=pages[1:], **STRIPS), 64 * 640)


def test_bytes_that_strips_share_count_for_each() -> None:
    data = bytearray(encode(noise(64, 640), "TIFF", **STRIPS))
    more = bytes(4) + 40 * b"\xff\xda\0\2"
    with Image.open(BytesIO(data)) as image:
        offsets, sizes = (image.tag_v2[tag] for tag in (273, 279))  # type: ignore[attr-defined]
    for old, new in ((offsets, len(data)), (sizes, len(more))):
        kind = "<H" if max(old) < 2**16 else "<I"
        listed = b"".join(struct.pack(kind, each) for each in old)
        at = data.index(listed)
        data[at : at + len(listed)] = struct.pack(kind, new) * len(old)
    assert code_of(check, bytes(data) + more, 64 * 640) == "image_too_complex"


def with_tag(data: bytes, tag: int, place: int, value: bytes) -> bytes:
    """A little-endian TIFF with other bytes at a place of a tag's entry."""
    at = data.rindex(struct.pack("<H", tag)) + place
    return data[:at] + value + data[at + len(value) :]


@pytest.mark.parametrize(
    ("tag", "place", "value"),
    [
        (279, 0, b"\xfe\xff"),  # no sizes of strips
        (273, 4, b"\x03\0\0\0"),  # fewer places than strips
        (277, 0, b"\x44\x01"),  # places of tiles beside those of strips
    ],
)
def test_where_the_strips_of_a_tiff_are_unclear_all_scans_count(
    tag: int, place: int, value: bytes
) -> None:
    data = encode(noise(64, 640), "TIFF", **STRIPS)
    with Image.open(BytesIO(data)) as image:
        changed = with_tag(data, tag, place, value)
        given = (changed, image, 64 * 640)
        assert code_of(check_before_decoding, *given) == "image_too_complex"


def test_sizes_of_nothing_make_all_scans_count() -> None:
    data = encode(noise(64, 64), "TIFF", compression="jpeg", strip_size=10**6)
    more = data + 40 * b"\xff\xda\0\2"
    check(more, 64 * 64)
    assert code_of(check, with_tag(more, 279, 8, bytes(4)), 64 * 64) == "image_too_complex"


def tiled(side: int, kind: int = 4) -> bytes:
    """A picture of 100 x 100 pixels in one tile."""
    tile = zlib.compress(bytes(side * side), 9)
    tags = {
        256: (4, 1, 100),
        257: (4, 1, 100),
        258: (3, 1, 8),
        259: (3, 1, 8),
        262: (3, 1, 1),
        277: (3, 1, 1),
        322: (kind, 1, side),
        323: (kind, 1, side),
        324: (4, 1, 8),
        325: (4, 1, len(tile)),
    }
    return tiff(tags, tile)


@pytest.mark.parametrize("kind", [4, 9])
def test_a_tile_counts_whole_however_small_the_picture_is(kind: int) -> None:
    check(tiled(512, kind), 512 * 512)
    assert code_of(check, tiled(512, kind), 512 * 512 - 1) == "too_many_pixels"


@pytest.mark.parametrize(
    ("tags", "pieces"),
    [
        ({}, 1),
        ({278: 8}, 13),
        ({278: 2**32 - 1}, 1),
        ({278: 0}, 1),
        ({278: (8, 8)}, 1),
        ({322: 16, 323: 16, 278: 1}, 4 * 7),
        ({278: 50, 284: 2, 277: 3}, 6),
        ({278: 50, 284: 1, 277: 3}, 2),
    ],
)
def test_the_pieces_of_a_tiff_follow_from_its_size(tags: dict[int, object], pieces: int) -> None:
    assert _pieces(tags, 50, 100) == pieces


@pytest.mark.parametrize("compression", ["raw", "packbits", "tiff_lzw", "tiff_deflate", "jpeg"])
def test_tiffs_of_usual_compressions_pass(compression: str) -> None:
    check_before_opening(encode(Image.new("RGB", (300, 3000)), "TIFF", compression=compression))


def test_a_big_tiff_is_checked_too() -> None:
    buffer = BytesIO()
    Image.new("L", (8, 8)).save(buffer, "TIFF", big_tiff=True)
    data = bytearray(buffer.getvalue())
    check_before_opening(bytes(data))
    compression = data.index(struct.pack("<HHQ", 259, 3, 1)) + 12
    data[compression : compression + 2] = struct.pack("<H", 34_925)
    assert code_of(check_before_opening, bytes(data)) == "unsupported_format"


@pytest.mark.parametrize("name", ["TIFF of two million tiles", "TIFF whose strips overlap"])
def test_a_tiff_is_checked_before_it_is_opened(name: str) -> None:
    assert code_of(check_before_opening, BOMBS[name][0]) == "image_too_complex"


@pytest.mark.parametrize(
    "entry",
    [b"infe\2abcdefgiovl", b"infe\3abcdefghiiovl", b"infe" + 8 * b"-" + b"\2abcdefgiovl"],
)
def test_overlaid_images_are_refused(entry: bytes) -> None:
    image = Image.new("L", (1, 1))
    image.format = "HEIF"
    check_before_decoding(b"a removable iovl", image, 100)
    assert code_of(check_before_decoding, entry, image, 100) == "image_too_complex"
