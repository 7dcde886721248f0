"""Bytes of a photo to the pixels a model takes: checked, upright, RGB, resized."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from service.captioning import Pixels
from service.manifest import InputSpec

# Only these decoders are reachable; Pillow's others (EPS runs Ghostscript) never see a byte.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
MAX_SIDE = 20_000  # pixels; no camera makes more, and few programs can show it
_NAMES = {"MPO": "JPEG"}  # a phone's JPEG with a second picture behind the first

# Pictures made by programs carry long descriptions; Pillow refuses the picture for them.
PngImagePlugin.MAX_TEXT_CHUNK = 16 * 2**20

# Pillow unpacks into blocks. Its own, of 16 MiB, the C library keeps once they are freed (hundreds
# of MB after two large photos); from 32 MiB on it returns them to the system.
Image.core.set_block_size(64 * 2**20)  # type: ignore[attr-defined]

# First bytes of the formats above: such a file is a damaged photo if it cannot be opened.
_OURS = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")
_AVIF_BRANDS = (b"avif", b"avis")

# First bytes of what people send by mistake, for a message that helps.
_FOREIGN = {
    b"%PDF": "PDF",
    b"%!PS": "EPS",
    b"<svg": "SVG",
    b"<?xml": "SVG or XML",
    b"8BPS": "Photoshop",
    b"\x00\x00\x01\x00": "ICO",
    b"\x00\x00\x00\x0cjP  ": "JPEG 2000",
    b"\xff\x0a": "JPEG XL",
    b"\x00\x00\x00\x0cJXL ": "JPEG XL",
    b"II*\x00\x10\x00\x00\x00CR": "camera raw",
}
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")

_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}

_ORIENTATION, _BITS_PER_SAMPLE = 0x0112, 258  # tags of EXIF and TIFF
_UPRIGHT = {  # what undoes each EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = (5, 6, 7, 8)


class ImageError(Exception):
    """An image that cannot be captioned: a stable code and a message for its sender."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Photo:
    """A decoded photo; width and height are those of the upright picture as sent."""

    pixels: Pixels  # uint8 [input height, input width, 3]
    width: int
    height: int
    format: str


def decode(data: bytes, spec: InputSpec, max_pixels: int) -> Photo:
    """Decode a photo's first frame for a model that takes `spec`. Raises ImageError."""
    if not data:
        raise ImageError("image_empty", "the image file is empty; send one with content")
    with _open(data) as image:
        if image.width * image.height > max_pixels:
            raise _too_many_pixels(max_pixels)
        if max(image.size) > MAX_SIDE:
            raise ImageError(
                "too_many_pixels",
                f"a side of the image is longer than {MAX_SIDE:,} pixels; send a smaller one",
            )
        name = image.format or ""
        width, height = image.size
        try:
            # JPEG can be decoded at 1/2, 1/4 or 1/8 of its size, many times faster.
            image.draft("RGB", (2 * spec.width, 2 * spec.height))
            image.load()
            orientation = _orientation(image)
            square = _square(image, orientation, spec)
        except ImageError:
            raise
        except MemoryError:
            raise _too_many_pixels(max_pixels) from None
        except Exception as error:  # Pillow's decoders raise whatever the damage leads to
            raise _damaged() from error
    if orientation in _ON_ITS_SIDE:
        width, height = height, width
    return Photo(np.asarray(square), width, height, _NAMES.get(name, name))


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise _unreadable(data) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError(
            "too_many_pixels", "the image has far too many pixels; send a smaller one"
        ) from None
    except Exception as error:
        raise _damaged() from error


def _unreadable(data: bytes) -> ImageError:
    accepted = ", ".join(FORMATS)
    brand = data[8:12] if data[4:8] == b"ftyp" else b""
    for start, name in _FOREIGN.items():
        if data.lstrip().startswith(start) or data.startswith(start):
            return ImageError(
                "unsupported_format", f"{name} files are not supported; send one of {accepted}"
            )
    if brand in _HEIF_BRANDS:
        return ImageError(
            "unsupported_format",
            f"HEIC photos are not supported; export as JPEG, or send one of {accepted}",
        )
    if data.startswith(_OURS) or brand in _AVIF_BRANDS:
        return _damaged()
    return ImageError("not_an_image", f"the file is not an image; send one of {accepted}")


def _damaged() -> ImageError:
    return ImageError(
        "image_truncated", "the image ends too soon or is damaged; send the whole file"
    )


def _too_many_pixels(max_pixels: int) -> ImageError:
    return ImageError(
        "too_many_pixels", f"the image has more than {max_pixels:,} pixels; send a smaller one"
    )


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # broken EXIF is no reason to refuse the pixels
        return 1


def _square(image: Image.Image, orientation: int, spec: InputSpec) -> Image.Image:
    """The picture as the model takes it, made small before anything else is done to it."""
    flat = _eight_bits(image)
    turn = _UPRIGHT.get(orientation)
    size = (spec.width, spec.height)
    small = flat.resize(
        size[::-1] if orientation in _ON_ITS_SIDE else size, _FILTERS[spec.resize_filter]
    )
    upright = small if turn is None else small.transpose(turn)
    if upright.mode == "RGB":
        return upright
    white = Image.new("RGBA", size, "white")
    return Image.alpha_composite(white, upright).convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """RGB, or RGBA where something is transparent, with eight bits a channel."""
    if image.mode.startswith("I"):
        # Pillow's own conversion clips at 255, which turns 16-bit photos white.
        grey = np.asarray(image)
        if image.mode == "I":
            grey = np.clip(grey, 0, 65_535).astype(np.uint16)
        shades = np.arange(65_536) * 255 // _white_level(image)
        return Image.fromarray(np.minimum(shades, 255).astype(np.uint8)[grey]).convert("RGB")
    if image.mode == "F":
        raise ImageError(
            "unsupported_format", "floating-point pixels are not supported; send 8 or 16 bits"
        )
    if image.has_transparency_data:
        # From premultiplied grey, Pillow converts to grey only.
        return _converted(image.convert("LA") if image.mode == "La" else image, "RGBA")
    return _converted(image, "RGB")


def _converted(image: Image.Image, mode: str) -> Image.Image:
    """Without the copy that Pillow makes of what is in this mode already."""
    return image if image.mode == mode else image.convert(mode)


def _white_level(image: Image.Image) -> int:
    """The value of white in a picture of greys: of 16 bits, or of as many as a TIFF says."""
    bits: int = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (16,))[0]
    return (1 << min(bits, 16)) - 1
