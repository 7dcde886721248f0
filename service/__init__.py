"""The photo captioning service: a photo in over HTTP, ranked captions out."""

__version__ = "0.1.0"
