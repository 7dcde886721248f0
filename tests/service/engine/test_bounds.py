"""Bounds on the work of decoding; tests/service/costly.py has the files that reach them."""

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from service.engine.bounds import MAX_READS, Source, check_before_decoding, check_before_opening
from service.engine.errors import ImageError
from tests.service.conftest import encode
from tests.service.costly import bombs_of_work, jpeg_of_scans

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


def test_scans_count_by_the_pixels_they_are_decoded_for() -> None:
    data = jpeg_of_scans(100)
    check_before_decoding(data, "JPEG", 10_000_000, 50_000_000)
    assert code_of(check_before_decoding, data, "JPEG", 49_000_000, 50_000_000) == (
        "image_too_complex"
    )


@pytest.mark.parametrize("progressive", [False, True])
def test_a_photo_as_large_as_is_allowed_has_few_enough_scans(progressive: bool) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = encode(Image.fromarray(noise), "JPEG", progressive=progressive)
    check_before_decoding(2 * data, "MPO", 50_000_000, 50_000_000)


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


def test_overlaid_images_are_refused() -> None:
    assert code_of(check_before_decoding, b"..iovl..", "HEIF", 1, 100) == "image_too_complex"
