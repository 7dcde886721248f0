"""Which formats are read, and what to say of a file of another one."""

import os
from functools import cache

# Pillow unpacks into blocks. Its own, of 16 MiB, the C library keeps once they are freed (hundreds
# of MB after two large photos); from 32 MiB on it returns them to the system.
os.environ.setdefault("PILLOW_BLOCK_SIZE", "64m")  # read by Pillow as it is imported

from PIL import Image, PngImagePlugin, UnidentifiedImageError
from pillow_heif import register_heif_opener

from service.engine.bounds import AbandonedError, Source
from service.engine.errors import ImageError

# Only these decoders are reachable; Pillow's others (EPS runs Ghostscript) never see a byte.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
NAMES = {"MPO": "JPEG"}  # a phone's JPEG with a second picture behind the first
# Pictures made by programs carry long descriptions; Pillow refuses the picture for them.
MAX_TEXT_BYTES = 16 * 2**20

# First bytes of the formats above: such a file is a damaged photo if it cannot be opened.
_OURS = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")
_OUR_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")

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


@cache
def _prepare() -> None:
    """Set up Pillow, once."""
    Image.MAX_IMAGE_PIXELS = None  # `decode` has a bound of its own
    PngImagePlugin.MAX_TEXT_CHUNK = MAX_TEXT_BYTES
    # An embedded thumbnail may show something else than its photo.
    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


def open_image(source: Source, data: bytes) -> Image.Image:
    """The image in `data`, which `source` reads; nothing is decoded yet. Raises ImageError."""
    _prepare()
    try:
        return Image.open(source, formats=FORMATS)
    except (ImageError, AbandonedError):
        raise
    except UnidentifiedImageError:
        raise _unreadable(data) from None
    except Exception as error:
        raise damaged() from error


def damaged() -> ImageError:
    return ImageError(
        "image_truncated", "the image ends too soon or is damaged; send the whole file"
    )


def _unreadable(data: bytes) -> ImageError:
    accepted = ", ".join(FORMATS)
    for start, name in _FOREIGN.items():
        if data.lstrip().startswith(start) or data.startswith(start):
            return ImageError(
                "unsupported_format", f"{name} files are not supported; send one of {accepted}"
            )
    brand = data[8:12] if data[4:8] == b"ftyp" else b""
    if data.startswith(_OURS) or brand in _OUR_BRANDS:
        return damaged()
    return ImageError("not_an_image", f"the file is not an image; send one of {accepted}")
