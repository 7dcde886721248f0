"""Word lists about people and things, each a TOML file beside the module that explains it."""

import tomllib
from pathlib import Path
from typing import Any


def read_lexicon(name: str) -> dict[str, Any]:
    """The tables of `NAME.toml` in this folder."""
    text = (Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
