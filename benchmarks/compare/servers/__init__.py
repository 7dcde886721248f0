"""Servers to compare with, each a module that listens on CAPTION_PORT."""
