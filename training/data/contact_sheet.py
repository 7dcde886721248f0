"""A sheet of photos with a caption each, to see whether they belong together."""

import textwrap
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.data.dataset import SPLITS, Dataset
from training.data.images import open_photo

SIDE = 200  # of a photo, in pixels
CAPTION = 64  # height below it
COLUMNS = 6
LETTERS = 34  # a line
PHOTOS = 24


def contact_sheet(dataset: Dataset, path: Path, seed: int = 0) -> None:
    """Write a PNG with photos of every split, drawn by the seed; broken ones stay grey."""
    random = np.random.default_rng(seed)
    chosen = [
        (split, str(name))
        for split in SPLITS
        for name in random.permutation(dataset.splits[split])[: PHOTOS // len(SPLITS)]
    ]
    rows = -(-len(chosen) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * SIDE, rows * (SIDE + CAPTION)), "white")
    for place, (split, name) in enumerate(chosen):
        corner = place % COLUMNS * SIDE, place // COLUMNS * (SIDE + CAPTION)
        sheet.paste(_thumbnail(dataset.files[name]), corner)
        caption = f"{split}: {dataset.captions[name][0]}"
        lines = textwrap.wrap(caption, LETTERS, max_lines=3, placeholder=" ...")
        draw = ImageDraw.Draw(sheet)
        font = ImageFont.load_default(size=12)
        draw.text((corner[0] + 4, corner[1] + SIDE + 4), "\n".join(lines), "black", font)
    sheet.save(path, "PNG")


def _thumbnail(path: Path) -> Image.Image:
    try:
        return open_photo(path).resize((SIDE, SIDE))
    except ValueError:
        return Image.new("RGB", (SIDE, SIDE), "grey")
