"""A decoded image to RGB pixels of the model's size, with few copies of its full size."""

import numpy as np
from PIL import Image

from service.engine.errors import ImageError
from service.engine.manifest import InputSpec

FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
BAND_ROWS = 256  # that are laid on white at a time

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
ON_ITS_SIDE = (5, 6, 7, 8)


def orientation_of(image: Image.Image) -> int:
    """The EXIF orientation, 1 where there is none."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # broken EXIF is no reason to refuse the pixels
        return 1


def upright_square(image: Image.Image, orientation: int, spec: InputSpec) -> Image.Image:
    """The image as the model takes it: RGB, upright, resized before it is turned.

    Raises ImageError `unsupported_format`.
    """
    size = (spec.width, spec.height)
    before_turning = size[::-1] if orientation in ON_ITS_SIDE else size
    small = _opaque(image).resize(before_turning, FILTERS[spec.resize_filter])
    if (turn := _UPRIGHT.get(orientation)) is not None:
        small = small.transpose(turn)
    return small if small.mode == "RGB" else small.convert("RGB")


def _opaque(image: Image.Image) -> Image.Image:
    """RGB or grey (L) with eight bits a channel, transparency laid on white."""
    if image.mode.startswith("I"):
        return _sixteen_bits(image)
    if image.mode == "F":
        raise ImageError(
            "unsupported_format", "floating-point pixels are not supported; send 8 or 16 bits"
        )
    if image.has_transparency_data:
        return _on_white(image)
    if image.mode in ("L", "RGB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _sixteen_bits(image: Image.Image) -> Image.Image:
    """Grey of more than eight bits; Pillow's own conversion clips at 255: photos turn white."""
    grey = np.asarray(image)
    if image.mode == "I":
        grey = np.clip(grey, 0, 65_535).astype(np.uint16)
    # White is the greatest value of 16 bits, or of as many as a TIFF says.
    bits: int = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (16,))[0]
    shades = np.arange(65_536) * 255 // ((1 << min(bits, 16)) - 1)
    return Image.fromarray(np.minimum(shades, 255).astype(np.uint8)[grey])


def _on_white(image: Image.Image) -> Image.Image:
    """Band by band: a whole copy with transparency takes 4 bytes a pixel more."""
    opaque = Image.new("L" if image.mode in ("L", "LA", "La") else "RGB", image.size)
    for top in range(0, image.height, BAND_ROWS):
        band = image.crop((0, top, image.width, min(top + BAND_ROWS, image.height)))
        # From premultiplied grey, Pillow converts to grey only.
        rgba = (band.convert("LA") if band.mode == "La" else band).convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        opaque.paste(Image.alpha_composite(white, rgba).convert(opaque.mode), (0, top))
    return opaque
