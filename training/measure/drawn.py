"""Screens and drawings, generated: pictures that hold shapes but nothing a photo shows."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

SIDE = 448  # twice what the encoder reads, so that thin lines survive as they do in a real screen
MENU = "File Edit View Insert Format Tools Help Home Search Settings Inbox Reports Sign out".split()


def screenshot(random: np.random.Generator) -> Image.Image:
    """A window of a program: bars, a side list, and lines of text, a table, a chart or tiles."""
    dark = random.random() < 0.3
    page, ink = ((32, 34, 40), (210, 210, 215)) if dark else ((250, 250, 250), (50, 50, 60))
    image = Image.new("RGB", (SIDE, SIDE), page)
    draw = ImageDraw.Draw(image)
    accent = _colour(random)
    bar = int(random.integers(18, 40))
    draw.rectangle((0, 0, SIDE, bar), fill=accent)
    font = ImageFont.load_default(size=int(random.integers(10, 15)))
    for at, word in enumerate(random.choice(MENU, 5)):
        draw.text((12 + 80 * at, 4), str(word), fill=(255, 255, 255), font=font)
    left = 0
    if random.random() < 0.7:
        left = int(random.integers(70, 130))
        draw.rectangle((0, bar, left, SIDE), fill=_mixed(page, accent))
        for top in range(bar + 12, SIDE - 20, 26):
            draw.text((10, top), str(random.choice(MENU)), fill=ink, font=font)
    content = (_lines, _table, _chart, _tiles)[int(random.integers(4))]
    content(draw, random, (left + 16, bar + 16, SIDE - 16, SIDE - 16), ink)
    return image


Box = tuple[int, int, int, int]  # left, top, right, bottom


def _lines(draw: ImageDraw.ImageDraw, random: np.random.Generator, box: Box, ink: Colour) -> None:
    left, top, right, bottom = box
    for line in range(top, bottom, 16):
        width = float(random.uniform(0.3, 1)) * (right - left)
        draw.rectangle((left, line, left + width, line + 5), fill=ink)


def _table(draw: ImageDraw.ImageDraw, random: np.random.Generator, box: Box, ink: Colour) -> None:
    left, top, right, bottom = box
    columns, font = int(random.integers(3, 7)), ImageFont.load_default(size=11)
    step = (right - left) / columns
    for line in range(top, bottom, 22):
        draw.line((left, line, right, line), fill=ink)
        for column in range(columns):
            number = f"{random.uniform(0, 1000):.2f}"
            draw.text((left + column * step + 4, line + 4), number, fill=ink, font=font)
    for column in range(columns + 1):
        draw.line((left + column * step, top, left + column * step, bottom), fill=ink)


def _chart(draw: ImageDraw.ImageDraw, random: np.random.Generator, box: Box, ink: Colour) -> None:
    left, top, right, bottom = box
    draw.line((left, top, left, bottom, right, bottom), fill=ink, width=2)
    count = int(random.integers(4, 12))
    heights = random.uniform(0.1, 0.95, count) * (bottom - top)
    step = (right - left) / count
    if random.random() < 0.5:
        for at, height in enumerate(heights):
            start = left + at * step + 0.15 * step
            draw.rectangle(
                (start, bottom - height, start + 0.7 * step, bottom), fill=_colour(random)
            )
    else:
        points = [(left + (at + 0.5) * step, bottom - each) for at, each in enumerate(heights)]
        draw.line(points, fill=_colour(random), width=3)


def _tiles(draw: ImageDraw.ImageDraw, random: np.random.Generator, box: Box, ink: Colour) -> None:
    left, top, right, bottom = box
    side, font = int(random.integers(50, 100)), ImageFont.load_default(size=11)
    for y in range(top, bottom - side, side + 30):
        for x in range(left, right - side, side + 14):
            draw.rounded_rectangle((x, y, x + side, y + side), 8, fill=_colour(random))
            draw.text((x, y + side + 4), str(random.choice(MENU)), fill=ink, font=font)


def drawing(random: np.random.Generator) -> Image.Image:
    """A drawing by a child or a diagram: outlined and filled shapes on paper."""
    paper = tuple(int(each) for each in random.integers(225, 256, 3))
    image = Image.new("RGB", (SIDE, SIDE), (paper[0], paper[1], paper[2]))
    draw = ImageDraw.Draw(image)
    filled, width = random.random() < 0.5, int(random.integers(2, 7))
    for _ in range(int(random.integers(4, 12))):
        shape = (_circle, _polygon, _figure, _scribble)[int(random.integers(4))]
        shape(draw, random, _colour(random), filled, width)
    return image


def _circle(
    draw: ImageDraw.ImageDraw, random: np.random.Generator, colour: Colour, filled: bool, width: int
) -> None:
    x, y, radius = random.uniform(0, SIDE), random.uniform(0, SIDE), random.uniform(15, 80)
    box = (x - radius, y - radius, x + radius, y + radius)
    draw.ellipse(box, fill=colour if filled else None, outline=colour, width=width)


def _polygon(
    draw: ImageDraw.ImageDraw, random: np.random.Generator, colour: Colour, filled: bool, width: int
) -> None:
    x, y, radius = random.uniform(0, SIDE), random.uniform(0, SIDE), random.uniform(20, 90)
    corners, turn = int(random.integers(3, 7)), random.uniform(0, 2 * math.pi)
    points = [
        (
            x + radius * math.cos(turn + 2 * math.pi * at / corners),
            y + radius * math.sin(turn + 2 * math.pi * at / corners),
        )
        for at in range(corners)
    ]
    draw.polygon(points, fill=colour if filled else None, outline=colour, width=width)


def _figure(
    draw: ImageDraw.ImageDraw, random: np.random.Generator, colour: Colour, filled: bool, width: int
) -> None:
    """A stick figure."""
    x, y, size = (
        random.uniform(60, SIDE - 60),
        random.uniform(60, SIDE - 140),
        random.uniform(15, 35),
    )
    head = (x - size, y - size, x + size, y + size)
    draw.ellipse(head, fill=colour if filled else None, outline=colour, width=width)
    hip = y + 4 * size
    draw.line((x, y + size, x, hip), fill=colour, width=width)
    draw.line((x - 2 * size, y + 2 * size, x + 2 * size, y + 2 * size), fill=colour, width=width)
    for side in (-1, 1):
        draw.line((x, hip, x + side * 1.3 * size, hip + 2.5 * size), fill=colour, width=width)


def _scribble(
    draw: ImageDraw.ImageDraw, random: np.random.Generator, colour: Colour, filled: bool, width: int
) -> None:
    steps = random.normal(0, 40, (int(random.integers(4, 25)), 2))
    points = random.uniform(0, SIDE, 2) + np.cumsum(steps, axis=0)
    draw.line([(float(x), float(y)) for x, y in points], fill=colour, width=width)


def _colour(random: np.random.Generator) -> Colour:
    red, green, blue = random.integers(0, 220, 3).tolist()
    return red, green, blue


def _mixed(one: Colour, other: Colour) -> Colour:
    red, green, blue = ((3 * a + b) // 4 for a, b in zip(one, other, strict=True))
    return red, green, blue
