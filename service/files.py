"""Captions of files, on the command line."""

import argparse
import io
import json
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from service.engine.errors import ImageError
from service.engine.formats import FORMATS
from service.engine.images import Photo, decode
from service.engine.manifest import Manifest, SearchOptions, load_manifest
from service.http.schemas import CaptionResponse
from service.settings import Settings

STANDARD_INPUT = Path("-")
OTHER_SUFFIXES = ".apng .dib .jfif .jpe .jpg .mpo .tif".split()
SUFFIXES = {f".{name.lower()}" for name in FORMATS} | set(OTHER_SUFFIXES)
_IN_A_LINE = str.maketrans({"\t": r"\t", "\n": r"\n", "\r": r"\r"})
# Found in folders of photos. Not all are read: of those that are not, the user is told.
PHOTO_LIKE = set(
    ".arw .cr2 .cr3 .dng .eps .heic .heif .hif .ico .jp2 .jxl .nef .pdf .psd .raf .svg".split()
)


class NothingToDoError(Exception):
    """The paths name no photo; the message says which."""


def caption(options: argparse.Namespace, settings: Settings) -> int:
    """Caption the files and folders of `options.paths`; the exit status. Raises OptionError."""
    if misused := _misused(options):
        print(f"error: {misused}", file=sys.stderr)
        return 2
    if isinstance(sys.stdout, io.TextIOWrapper):  # whatever the locale; names are any bytes
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    files, empty = _files(options.paths)
    for folder in empty:
        print(f"{folder}: there is no photo in this folder", file=sys.stderr)
    if not files:
        return 1
    wanted = {name: getattr(options, name, None) for name in SearchOptions.model_fields}
    in_turn = _in_bulk if options.ray else _one_by_one
    status = in_turn(files, wanted, options, settings)
    return status or (1 if empty else 0)


def _misused(options: argparse.Namespace) -> str:
    """Which options do not go together, or ""."""
    if not options.ray:
        return "--output and --workers need --ray" if options.output or options.workers else ""
    if options.json:
        return "--ray writes Parquet files; leave out --json"
    if not options.output:
        return "--ray needs --output FOLDER"
    if STANDARD_INPUT in options.paths:
        return "--ray reads files, not standard input"
    return "" if find_spec("ray") else "--ray needs the extra `scale`"


def _one_by_one(
    files: list[Path], wanted: dict[str, Any], options: argparse.Namespace, settings: Settings
) -> int:
    from service.engine.load import load_captioner

    captioner = load_captioner(settings)
    manifest = captioner.manifest
    search = manifest.options(**wanted)
    failed = 0
    for file in tqdm(files, desc="captions", unit="image", disable=None):
        try:
            photo, seconds = _read(file, manifest, settings)
        except (ImageError, OSError) as error:
            failed += 1
            tqdm.write(f"{file}: {error}", file=sys.stderr)
            continue
        captions = captioner.caption_now(photo.pixels[np.newaxis], search, time.perf_counter())
        response = CaptionResponse.of(photo, captions, search, manifest, seconds)
        tqdm.write(_line(file, response, options.json), file=sys.stdout)
        sys.stdout.flush()  # whoever reads it gets it now, and one who has left is noticed
    return 1 if failed else 0


def _in_bulk(
    files: list[Path], wanted: dict[str, Any], options: argparse.Namespace, settings: Settings
) -> int:
    load_manifest(settings.model_dir).options(**wanted)
    from service.bulk import caption_files

    named = [file for file in files if _is_utf8(file)]
    for file in set(files).difference(named):
        print(
            f"{str(file)!r}: its name is not UTF-8, as in Parquet files; rename it", file=sys.stderr
        )
    counts = caption_files(named, options.output, wanted, settings, options.workers)
    failed = {error: count for error, count in counts.items() if error}
    print(f"{counts['']:,} captioned, {sum(failed.values()):,} failed {failed or ''}".rstrip())
    return 0


def _is_utf8(file: Path) -> bool:
    try:
        return bool(str(file).encode())
    except UnicodeEncodeError:
        return False


def _read(file: Path, manifest: Manifest, settings: Settings) -> tuple[Photo, float]:
    started = time.perf_counter()
    data = sys.stdin.buffer.read() if file == STANDARD_INPUT else file.read_bytes()
    photo = decode(data, manifest.input, settings.max_pixels)
    return photo, time.perf_counter() - started


def _line(file: Path, response: CaptionResponse, as_json: bool) -> str:
    """A JSON object, or the file, its caption, the confidence and `uncertain`, between tabs."""
    if as_json:
        described = {"file": str(file)} | response.model_dump(
            mode="json", exclude={"request_id"}, exclude_unset=True
        )
        return json.dumps(described)
    name = str(file).translate(_IN_A_LINE)
    confidence = "" if response.confidence is None else f"{response.confidence:.2f}"
    return f"{name}\t{response.caption}\t{confidence}\t{'uncertain' if response.uncertain else ''}"


def _files(paths: list[Path]) -> tuple[list[Path], list[Path]]:
    """The files to caption, in a stable order, and the folders that hold none.

    Raises NothingToDoError if a path does not exist, before anything slow is begun.
    """
    missing = [path for path in paths if path != STANDARD_INPUT and not path.exists()]
    if missing:
        raise NothingToDoError(f"no such file or folder: {', '.join(map(str, missing))}")
    files: list[Path] = []
    empty: list[Path] = []
    for path in paths:
        found = list(_below(path)) if path.is_dir() else [path]
        files += found
        if not found:
            empty.append(path)
    return files, empty


def _below(folder: Path) -> Iterator[Path]:
    """What looks like a photo, in any folder of this one."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES | PHOTO_LIKE and path.is_file():
            yield path
