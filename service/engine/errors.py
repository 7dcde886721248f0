"""What can be wrong with a photo, an option, a model or a processor."""

from typing import Literal

ImageCode = Literal[
    "image_empty",
    "image_truncated",
    "image_too_complex",
    "not_an_image",
    "too_many_pixels",
    "unsupported_format",
]


class ImageError(Exception):
    """An image that cannot be captioned: a stable code and a message for its sender."""

    def __init__(self, code: ImageCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class OptionError(ValueError):
    """A search option that this model does not take; the message says what it takes."""


class ArtifactError(Exception):
    """The model folder cannot be used; the message says what to do."""


class DeviceError(Exception):
    """The processor that was asked for is not there; the message says what to do."""
