import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageFile
from PIL.PngImagePlugin import PngInfo
from pillow_heif import register_heif_opener

from service.engine.captions import Pixels
from service.engine.errors import ImageError
from service.engine.formats import FORMATS
from service.engine.images import MAX_SIDE, Photo, decode
from service.engine.manifest import InputSpec
from tests.service.conftest import encode

# Pillow warns of damage and goes on, as it does in the service; an error would hide what it does.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

register_heif_opener()
SPEC = InputSpec(height=16, width=16, resize_filter="bicubic")
MAX_PIXELS = 50_000_000
BYTE, ASCII, SHORT, LONG, FLOAT = 1, 2, 3, 4, 11  # kinds of TIFF and EXIF tags
RED, GREEN, BLUE, WHITE, GREY = (
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 255),
    (128, 128, 128),
)


def photo_of(data: bytes, max_pixels: int = MAX_PIXELS) -> Photo:
    return decode(data, SPEC, max_pixels)


def refusal(data: bytes, max_pixels: int = MAX_PIXELS) -> ImageError:
    with pytest.raises(ImageError) as refused:
        decode(data, SPEC, max_pixels)
    return refused.value


def photo_or_code(data: bytes) -> Photo | str:
    try:
        return decode(data, SPEC, 1_000_000)
    except ImageError as error:
        return error.code


def plain(colour: tuple[int, ...], mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (12, 8), colour)


def quarters(width: int = 60, height: int = 40) -> Pixels:
    """Red and green above, blue and white below."""
    pixels = np.empty((height, width, 3), np.uint8)
    top, left = slice(None, height // 2), slice(None, width // 2)
    bottom, right = slice(height // 2, None), slice(width // 2, None)
    pixels[top, left], pixels[top, right] = RED, GREEN
    pixels[bottom, left], pixels[bottom, right] = BLUE, WHITE
    return pixels


def noise(width: int = 64, height: int = 48) -> Image.Image:
    shape = (height // 4, width // 4, 3)
    coarse = np.random.default_rng(3).integers(0, 256, shape, np.uint8)
    return Image.fromarray(coarse).resize((width, height))


def assert_colour(photo: Photo, colour: tuple[int, int, int], tolerance: int = 4) -> None:
    difference = np.abs(photo.pixels.astype(int) - np.array(colour))
    assert difference.max() <= tolerance, photo.pixels[0, 0]


def assert_quarters(photo: Photo, tolerance: int = 12) -> None:
    found = photo.pixels[[3, 3, 12, 12], [3, 12, 3, 12]].astype(int)
    assert np.abs(found - np.array([RED, GREEN, BLUE, WHITE])).max() <= tolerance, found


@pytest.mark.parametrize("name", FORMATS)
def test_a_photo_of_every_format_is_read(name: str) -> None:
    photo = photo_of(encode(Image.fromarray(quarters()), name))
    assert (photo.width, photo.height, photo.format) == (60, 40, name)
    assert photo.pixels.shape == (16, 16, 3)
    assert photo.pixels.dtype == np.uint8
    assert_quarters(photo, tolerance=25)


def test_the_pixels_have_the_size_the_model_takes() -> None:
    data = encode(Image.fromarray(quarters()), "PNG")
    for name in ("bilinear", "bicubic", "lanczos"):
        spec = InputSpec.model_validate({"height": 10, "width": 20, "resize_filter": name})
        assert decode(data, spec, MAX_PIXELS).pixels.shape == (10, 20, 3)


def test_a_picture_of_the_model_s_size_is_not_touched() -> None:
    image = noise(16, 16)
    assert np.array_equal(photo_of(encode(image, "PNG")).pixels, np.asarray(image))


def test_the_same_bytes_give_the_same_pixels() -> None:
    data = encode(noise(), "JPEG")
    assert np.array_equal(photo_of(data).pixels, photo_of(data).pixels)


# EXIF 2.32, tag 274: on which sides of the picture row 0 and column 0 of the pixels lie.
SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def as_stored(upright: npt.NDArray[Any], orientation: int) -> Image.Image:
    row, column = SIDES[orientation]
    pixels = upright.swapaxes(0, 1) if row in ("left", "right") else upright
    if row in ("right", "bottom"):
        pixels = pixels[::-1]
    if column in ("right", "bottom"):
        pixels = pixels[:, ::-1]
    return Image.fromarray(np.ascontiguousarray(pixels))


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[274] = orientation
    return tags


@pytest.mark.parametrize("orientation", SIDES)
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_photo_is_turned_upright(name: str, orientation: int) -> None:
    image = as_stored(quarters(), orientation)
    photo = photo_of(encode(image, name, exif=exif(orientation)))
    assert (photo.width, photo.height) == (60, 40)
    assert_quarters(photo, tolerance=25)


@pytest.mark.parametrize("orientation", SIDES)
@pytest.mark.parametrize("compression", ["tiff_lzw", "jpeg"])
def test_a_compressed_tiff_is_turned_upright(compression: str, orientation: int) -> None:
    image = as_stored(quarters(), orientation)
    data = encode(image, "TIFF", compression=compression, exif=exif(orientation))
    photo = photo_of(data)
    assert (photo.width, photo.height) == (60, 40)
    assert_quarters(photo, tolerance=25)


@pytest.mark.parametrize("orientation", SIDES)
def test_a_large_jpeg_is_turned_upright(orientation: int) -> None:
    image = as_stored(quarters(600, 400), orientation)
    photo = photo_of(encode(image, "JPEG", exif=exif(orientation)))
    assert (photo.width, photo.height) == (600, 400)
    assert_quarters(photo)


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_an_orientation_that_does_not_exist_is_ignored(orientation: int) -> None:
    photo = photo_of(encode(Image.fromarray(quarters()), "JPEG", exif=exif(orientation)))
    assert (photo.width, photo.height) == (60, 40)
    assert_quarters(photo)


@pytest.mark.parametrize(
    "broken",
    [
        b"Exif\0\0",
        b"Exif\0\0rubbish",
        b"Exif\0\0II*\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff",
        exif(6).tobytes()[:-8],
        bytes(exif(6).tobytes()).replace(b"\0\x03\0\0\0\x01", b"\0\x02\0\0\0\x01"),
    ],
)
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_is_no_reason_to_refuse(name: str, broken: bytes) -> None:
    photo = photo_of(encode(Image.fromarray(quarters()), name, exif=broken))
    assert_quarters(photo, tolerance=25)


def test_grey_and_palette_pictures_are_read() -> None:
    assert_colour(photo_of(encode(Image.new("L", (9, 9), 70), "PNG")), (70, 70, 70))
    palette = Image.fromarray(quarters()).quantize(4)
    assert palette.mode == "P"
    for name in ("PNG", "GIF", "BMP", "TIFF"):
        assert_quarters(photo_of(encode(palette, name)))


def test_pictures_of_one_bit_are_black_and_white() -> None:
    image = Image.fromarray(np.repeat([False, True], 8)[None].repeat(16, 0))
    assert image.mode == "1"
    for name in ("PNG", "TIFF", "BMP", "GIF"):
        pixels = photo_of(encode(image, name)).pixels
        assert np.all(pixels[:, :8] == 0)
        assert np.all(pixels[:, 8:] == 255)


CLEAR_RED, HALF_RED = (255, 0, 0, 0), (255, 0, 0, 128)


@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_transparency_is_laid_on_white(name: str) -> None:
    assert_colour(photo_of(encode(plain(CLEAR_RED, "RGBA"), name)), WHITE)
    assert_colour(photo_of(encode(plain(HALF_RED, "RGBA"), name)), (255, 127, 127))
    assert_colour(photo_of(encode(plain((*RED, 255), "RGBA"), name)), RED)


def test_transparent_grey_is_laid_on_white() -> None:
    for name in ("PNG", "TIFF"):
        assert_colour(photo_of(encode(plain((0, 0), "LA"), name)), WHITE)
        assert_colour(photo_of(encode(plain((0, 128), "LA"), name)), (127, 127, 127))


def test_a_transparent_colour_of_a_palette_is_laid_on_white() -> None:
    image = Image.fromarray(quarters()).quantize(4)
    colours = (image.getpalette() or [])[:12]
    blue = [colours[i : i + 3] for i in range(0, 12, 3)].index(list(BLUE))
    for name in ("PNG", "GIF"):
        photo = photo_of(encode(image, name, transparency=blue))
        found = photo.pixels[[3, 3, 12, 12], [3, 12, 3, 12]].astype(int)
        assert np.abs(found - np.array([RED, GREEN, WHITE, WHITE])).max() <= 12


def test_a_transparent_colour_of_rgb_and_grey_is_laid_on_white() -> None:
    assert_colour(photo_of(encode(plain(BLUE), "PNG", transparency=BLUE)), WHITE)
    assert_colour(photo_of(encode(plain((9,), "L"), "PNG", transparency=9)), WHITE)


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
@pytest.mark.parametrize(("value", "shade"), [(0, 0), (32_896, 128), (65_280, 254), (65_535, 255)])
def test_sixteen_bit_grey_keeps_its_shade(name: str, value: int, shade: int) -> None:
    image = Image.fromarray(np.full((8, 12), value, np.uint16))
    assert image.mode == "I;16"
    assert_colour(photo_of(encode(image, name)), (shade, shade, shade), tolerance=0)


def test_sixteen_bit_grey_of_the_other_byte_order_keeps_its_shade() -> None:
    image = Image.frombytes("I;16B", (12, 8), struct.pack(">H", 32_896) * 96)
    assert_colour(photo_of(encode(image, "TIFF")), GREY, tolerance=0)


def test_grey_of_32_bits_is_taken_for_16() -> None:
    for value, shade in ((-5, 0), (32_896, 128), (70_000, 255)):
        image = Image.fromarray(np.full((8, 12), value, np.int32))
        assert_colour(photo_of(encode(image, "TIFF")), (shade, shade, shade), tolerance=0)


def test_a_sixteen_bit_photo_is_turned_upright() -> None:
    pixels = np.zeros((40, 60), np.uint16)
    pixels[:, 30:] = 65_535
    photo = photo_of(encode(as_stored(pixels, 6), "PNG", exif=exif(6)))
    assert (photo.width, photo.height) == (60, 40)
    assert photo.pixels[8, 2, 0] == 0
    assert photo.pixels[8, 13, 0] == 255


def test_floating_point_pixels_are_refused() -> None:
    error = refusal(encode(Image.new("F", (4, 4), 0.5), "TIFF"))
    assert error.code == "unsupported_format"
    assert "floating-point" in str(error)


def test_inks_become_light() -> None:
    cyan = plain((255, 0, 0, 0), "CMYK")
    black = plain((0, 0, 0, 255), "CMYK")
    none = plain((0, 0, 0, 0), "CMYK")
    for name in ("JPEG", "TIFF"):
        assert_colour(photo_of(encode(cyan, name)), (0, 255, 255))
        assert_colour(photo_of(encode(black, name)), (0, 0, 0))
        assert_colour(photo_of(encode(none, name)), WHITE)


def test_other_colour_spaces_of_tiff_become_rgb() -> None:
    assert_colour(photo_of(encode(plain((200, 100, 50)).convert("YCbCr"), "TIFF")), (200, 100, 50))
    assert_colour(photo_of(encode(plain((255, 128, 128), "LAB"), "TIFF")), WHITE)


def test_a_progressive_jpeg_is_read() -> None:
    image = Image.fromarray(quarters(600, 400))
    assert_quarters(photo_of(encode(image, "JPEG", progressive=True)))


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_of_an_animation_the_first_frame_is_read(name: str) -> None:
    frames = [plain(colour) for colour in (RED, GREEN, BLUE)]
    data = encode(frames[0], name, save_all=True, append_images=frames[1:])
    assert_colour(photo_of(data), RED, tolerance=6)


def test_of_a_phone_s_pair_of_pictures_the_first_is_read_as_a_jpeg() -> None:
    first, second = Image.fromarray(quarters()), plain(BLUE)
    data = encode(first, "MPO", save_all=True, append_images=[second])
    photo = photo_of(data)
    assert photo.format == "JPEG"
    assert_quarters(photo, tolerance=25)


def test_a_pair_of_pictures_cut_after_the_first_is_still_read() -> None:
    data = encode(noise(), "MPO", save_all=True, append_images=[noise()])
    second = data.index(b"\xff\xd8\xff", 1)
    assert photo_of(data[:second]).format == "JPEG"


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_large_jpeg_decoded_small_looks_the_same(mode: str) -> None:
    gradient = np.indices((900, 1200)).transpose(1, 2, 0) * (255 / 1200)
    pixels = np.dstack([gradient, 255 - gradient[..., :1]]).astype(np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    data = encode(image, "JPEG", quality=95)
    photo = photo_of(data)
    assert (photo.width, photo.height) == (1200, 900)
    undrafted = np.asarray(image.convert("RGB").resize((16, 16), Image.Resampling.BICUBIC))
    assert np.abs(photo.pixels.astype(int) - undrafted).max() <= 6


@pytest.mark.parametrize(
    ("width", "height", "decoded"),
    [(1200, 900, (150, 113)), (100, 80, (50, 40)), (30, 20, (30, 20))],
)
def test_a_jpeg_is_decoded_no_larger_than_needed_and_no_smaller(
    monkeypatch: pytest.MonkeyPatch, width: int, height: int, decoded: tuple[int, int]
) -> None:
    sizes: list[tuple[int, int]] = []
    load = ImageFile.ImageFile.load

    def noted(self: ImageFile.ImageFile) -> object:
        sizes.append(self.size)
        return load(self)

    data = encode(noise(width, height), "JPEG")
    monkeypatch.setattr(ImageFile.ImageFile, "load", noted)
    photo_of(data)
    assert sizes[0] == decoded


def test_one_pixel_is_enough() -> None:
    for name in FORMATS:
        photo = photo_of(encode(Image.new("RGB", (1, 1), GREY), name))
        assert (photo.width, photo.height) == (1, 1)
        assert_colour(photo, GREY, tolerance=6)


@pytest.mark.parametrize("size", [(1, 5000), (5000, 1)])
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_line_of_pixels_is_read(name: str, size: tuple[int, int]) -> None:
    photo = photo_of(encode(Image.new("RGB", size, RED), name))
    assert (photo.width, photo.height) == size
    assert_colour(photo, RED)


def test_what_follows_the_picture_is_ignored() -> None:
    for name in FORMATS:
        assert photo_of(encode(noise(), name) + b"trailing").format == name


def test_names_inside_the_file_do_not_matter() -> None:
    info = PngInfo()
    info.add_text("Comment", "%PDF <svg ../../etc/passwd")
    assert photo_of(encode(noise(), "PNG", pnginfo=info)).format == "PNG"


def test_an_empty_file_is_refused() -> None:
    assert refusal(b"").code == "image_empty"


@pytest.mark.parametrize(
    "data",
    [b"hello", b"\0", b" ", b"\n" * 5000, b"{}", b"\xff\xd8", b"PK\x03\x04", b"<html></html>"],
)
def test_what_is_no_image_is_refused(data: bytes) -> None:
    error = refusal(data)
    assert error.code == "not_an_image"
    assert all(name in str(error) for name in FORMATS)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"<?xml version='1.0'?>\n<svg/>", "SVG"),
        (b"\n  <svg/>", "SVG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "EPS"),
        (b"8BPS\0\x01" + bytes(20), "Photoshop"),
        (b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 ", "JPEG 2000"),
        (b"\xff\x0a" + bytes(20), "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(40), "camera raw"),
    ],
)
def test_a_foreign_format_is_refused_by_its_name(data: bytes, name: str) -> None:
    error = refusal(data)
    assert error.code == "unsupported_format"
    assert name in str(error)
    assert all(accepted in str(error) for accepted in FORMATS)


@pytest.mark.parametrize(
    ("name", "called"), [("ICO", "ICO"), ("JPEG2000", "JPEG 2000"), ("PDF", "PDF"), ("EPS", "EPS")]
)
def test_real_files_of_formats_pillow_could_read_are_refused(name: str, called: str) -> None:
    error = refusal(encode(noise(), name))
    assert error.code == "unsupported_format"
    assert called in str(error)


@pytest.mark.parametrize("name", ["PPM", "TGA", "PCX", "SGI", "DDS", "QOI"])
def test_pillow_s_other_decoders_cannot_be_reached(name: str) -> None:
    assert refusal(encode(noise(), name)).code == "not_an_image"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_that_claims(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(100))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("width", "height"), [(100_000, 100_000), (2**31 - 1, 2**31 - 1), (10_000, 10_000)]
)
def test_a_small_file_that_claims_a_huge_picture_is_refused(width: int, height: int) -> None:
    assert refusal(png_that_claims(width, height)).code == "too_many_pixels"


def test_more_pixels_than_pillow_allows_by_itself_can_be_allowed() -> None:
    # The pixels are missing.
    assert refusal(png_that_claims(19_000, 19_000), 400_000_000).code == "image_truncated"


def test_the_limit_itself_is_allowed_and_one_row_more_is_not() -> None:
    for name in FORMATS:
        data = encode(noise(40, 20), name)
        assert photo_of(data, max_pixels=800).width == 40
        error = refusal(data, max_pixels=799)
        assert error.code == "too_many_pixels"
        assert "799" in str(error)


def test_just_above_the_limit_nothing_is_decoded() -> None:
    # The pixels are missing, which decoding would find: `image_truncated`.
    assert refusal(png_that_claims(5_000, 10_001)).code == "too_many_pixels"
    assert refusal(png_that_claims(5_000, 10_000)).code == "image_truncated"


def test_pixels_that_do_not_fit_in_memory_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: Image.Image) -> None:
        raise MemoryError

    data = encode(noise(), "BMP")
    monkeypatch.setattr(Image.Image, "load", load)
    assert refusal(data).code == "too_many_pixels"


def compressed_tiff(image: Image.Image, compression: str) -> bytes:
    return encode(image, "TIFF", compression=compression)


def encoder(name: str) -> Callable[[Image.Image], bytes]:
    return lambda image: encode(image, name)


TRUNCATABLE: dict[str, Callable[[Image.Image], bytes]] = {
    **{name: encoder(name) for name in FORMATS},
    "progressive JPEG": lambda image: encode(image, "JPEG", progressive=True),
    "lossless WEBP": lambda image: encode(image, "WEBP", lossless=True),
    "LZW TIFF": lambda image: compressed_tiff(image, "tiff_lzw"),
    "deflate TIFF": lambda image: compressed_tiff(image, "tiff_deflate"),
    "JPEG TIFF": lambda image: compressed_tiff(image, "jpeg"),
    "palette GIF": lambda image: encode(image.quantize(16), "GIF"),
    "palette BMP": lambda image: encode(image.quantize(16), "BMP"),
    "sixteen-bit PNG": lambda image: encode(
        Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257), "PNG"
    ),
}


@pytest.mark.parametrize("cut", [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97])
@pytest.mark.parametrize("kind", TRUNCATABLE)
def test_a_file_cut_off_is_refused(kind: str, cut: float) -> None:
    data = TRUNCATABLE[kind](noise())
    assert refusal(data[: int(cut * len(data))]).code in ("image_truncated", "not_an_image")


@pytest.mark.parametrize("kind", TRUNCATABLE)
def test_wherever_a_file_is_cut_off_nothing_but_a_refusal_comes_of_it(kind: str) -> None:
    data = TRUNCATABLE[kind](noise(16, 12))
    whole = photo_of(data).pixels
    for end in [*range(1, 64), *range(64, len(data), 7), len(data) - 1]:
        found = photo_or_code(data[:end])
        if isinstance(found, Photo):  # only the mark at the file's end is missing
            assert np.array_equal(found.pixels, whole)
        else:
            assert found in ("image_truncated", "not_an_image")


def test_a_photo_cut_in_half_is_called_truncated() -> None:
    for name in ("JPEG", "PNG", "WEBP", "BMP"):
        data = encode(noise(), name)
        error = refusal(data[: len(data) // 2])
        assert error.code == "image_truncated"
        assert "whole file" in str(error)


MAGIC = {
    "JPEG": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    "JPEG with EXIF": b"\xff\xd8\xff\xe1\0\x40Exif\0\0",
    "PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "WEBP": b"RIFF\0\x10\0\0WEBPVP8 ",
    "lossless WEBP": b"RIFF\0\x10\0\0WEBPVP8L",
    "extended WEBP": b"RIFF\0\x10\0\0WEBPVP8X",
    "GIF": b"GIF89a",
    "BMP": b"BM",
    "little TIFF": b"II*\0\x08\0\0\0",
    "big TIFF": b"MM\0*\0\0\0\x08",
    "BigTIFF": b"II+\0\x08\0\0\0",
    "AVIF": b"\0\0\0\x20ftypavif",
    "HEIF": b"\0\0\0\x20ftypmif1",
}


@pytest.mark.parametrize("name", MAGIC)
def test_nonsense_behind_a_format_s_first_bytes_is_refused(name: str) -> None:
    random = np.random.default_rng(len(name))
    for _ in range(40):
        data = MAGIC[name] + random.bytes(int(random.integers(0, 400)))
        refusal(data, max_pixels=1_000_000)


@pytest.mark.parametrize("kind", TRUNCATABLE)
def test_damage_gives_a_picture_or_a_refusal_and_nothing_else(kind: str) -> None:
    random = np.random.default_rng(len(kind))
    whole = TRUNCATABLE[kind](noise(16, 12))
    for turn in range(60):
        data = bytearray(whole)
        within = len(data) if turn % 2 else min(len(data), 100)
        for place in random.integers(0, within, random.integers(1, 8)):
            data[place] = random.integers(256)
        found = photo_or_code(bytes(data))
        if isinstance(found, Photo):
            assert found.pixels.shape == (16, 16, 3)


def exif_with(tag: int, kind: int, value: bytes) -> bytes:
    """EXIF of a photo on its side, with one more tag, of a kind that it ought not to have."""
    tags = struct.pack(">HHIHH", 0x0112, SHORT, 1, 6, 0)
    other = struct.pack(">HHI4s", tag, kind, 1, value)
    entries = tags + other if tag > 0x0112 else other + tags
    return b"Exif\0\0MM\0*\0\0\0\x08\0\x02" + entries + bytes(4)


@pytest.mark.parametrize(
    ("tag", "kind", "value"),
    [
        (0x011A, ASCII, b"7\0\0\0"),
        (0x0100, BYTE, b"\x3c\0\0\0"),
        (0x010F, FLOAT, b"\0\0\0\0"),
    ],
    ids=["resolution as a string", "width as a byte", "maker as a number"],
)
def test_a_turned_photo_with_a_damaged_tag_is_not_refused(
    tag: int, kind: int, value: bytes
) -> None:
    data = encode(as_stored(quarters(), 6), "JPEG", exif=exif_with(tag, kind, value))
    photo = photo_of(data)
    assert (photo.width, photo.height) == (60, 40)
    assert_quarters(photo, tolerance=25)


def test_twelve_bit_grey_keeps_its_shade() -> None:
    white = patched_tiff(Image.new("L", (8, 12), 255), {258: 12, 257: 8})
    assert_colour(photo_of(white), WHITE)


def test_grey_with_premultiplied_transparency_is_laid_on_white() -> None:
    data = patched_tiff(plain((0, 0), "LA"), {338: 1})
    assert_colour(photo_of(data), WHITE)


def test_a_picture_with_a_long_compressed_text_is_not_called_truncated() -> None:
    info = PngInfo()
    info.add_text("workflow", "x" * 2_000_000, zip=True)
    assert photo_of(encode(noise(), "PNG", pnginfo=info)).format == "PNG"


@pytest.mark.parametrize("kind", ["AVIF", "LZW TIFF"])
def test_a_photo_whose_header_is_at_its_end_is_called_truncated_too(kind: str) -> None:
    data = TRUNCATABLE[kind](noise())
    assert refusal(data[: len(data) // 2]).code == "image_truncated"


def patched_tiff(image: Image.Image, values: dict[int, int]) -> bytes:
    """A TIFF with some of its tags' values, each one short, changed."""
    data = bytearray(encode(image, "TIFF"))
    for tag, value in values.items():
        for kind in (SHORT, LONG):
            place = data.find(struct.pack("<HHI", tag, kind, 1))
            if place >= 0:
                data[place + 8] = value
    return bytes(data)


@pytest.mark.parametrize("size", [(MAX_SIDE, 1), (1, MAX_SIDE)])
def test_a_side_may_be_as_long_as_the_limit_says(size: tuple[int, int]) -> None:
    assert photo_of(encode(Image.new("L", size), "PNG")).format == "PNG"


@pytest.mark.parametrize("size", [(MAX_SIDE + 1, 1), (1, MAX_SIDE + 1)])
def test_a_longer_side_is_refused(size: tuple[int, int]) -> None:
    error = refusal(encode(Image.new("L", size), "PNG"))
    assert error.code == "too_many_pixels"
    assert "20,000" in str(error)
