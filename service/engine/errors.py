"""What can be wrong with a photo, an option, a model or a processor."""


class ImageError(Exception):
    """An image that cannot be captioned: a stable code and a message for its sender."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class OptionError(ValueError):
    """A search option that this model does not take; the message says what it takes."""


class ArtifactError(Exception):
    """The model folder cannot be used; the message says what to do."""


class DeviceError(Exception):
    """The processor that was asked for is not there; the message says what to do."""
