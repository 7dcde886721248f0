"""The command line: serve, caption files, ask for the health."""

import argparse
import http.client
import json
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError
from tqdm import tqdm

from service.captioning import DeviceError
from service.images import FORMATS, ImageError, Photo, decode
from service.logs import configure_logging
from service.manifest import ArtifactError, Manifest, OptionError, SearchOptions, load_manifest
from service.schemas import CaptionResponse
from service.settings import Settings

SUFFIXES = {f".{name.lower()}" for name in FORMATS} | {".jpg", ".tif"}
HEALTH_TIMEOUT_SECONDS = 3


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 done, 1 failed (or not healthy, or some file not captioned), 2 misused."""
    options = _parser().parse_args(arguments)
    try:
        settings = Settings()
    except ValidationError as error:
        for each in error.errors():
            name = f"CAPTION_{str(each['loc'][0]).upper()}"
            print(f"error: {name}={each['input']}: {each['msg']}", file=sys.stderr)
        return 2
    try:
        return int(options.run(options, settings))
    except OptionError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (ArtifactError, DeviceError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m service",
        description="Serve captions over HTTP; settings are CAPTION_* environment variables.",
    )
    parser.set_defaults(run=_serve)
    commands = parser.add_subparsers(metavar="COMMAND")

    caption = commands.add_parser("caption", help="caption image files and folders")
    caption.add_argument("paths", nargs="+", type=Path, metavar="FILE|FOLDER")
    caption.add_argument("--json", action="store_true", help="a JSON object a line, all beams")
    caption.add_argument("--beam-size", type=int)
    caption.add_argument("--max-length", type=int)
    caption.add_argument("--length-penalty", type=float)
    caption.add_argument(
        "--ray", action="store_true", help="with many processes, into --output; goes on if stopped"
    )
    caption.add_argument("--output", type=Path, help="folder of Parquet files, with --ray")
    caption.add_argument("--workers", type=int, help="processes, with --ray")
    caption.set_defaults(run=_caption)

    health = commands.add_parser("health", help="exit with 0 if the running server is ready")
    health.set_defaults(run=_health)
    return parser


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    from service.app import create_app
    from service.server import Server

    if settings.device == "gpu":
        from service.captioner import check_device

        check_device(settings)
    # Asked twice, Uvicorn raises the signal again once it has stopped; it was asked to: that is 0.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    configure_logging(settings)
    server = Server(create_app(settings), settings)
    server.run()
    return 0 if server.started else 1


def _health(options: argparse.Namespace, settings: Settings) -> int:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104
    url = f"http://{host}:{settings.port}/health"
    # Straight to the server: a proxy of the environment is for other hosts.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=HEALTH_TIMEOUT_SECONDS) as answer:
            print(answer.read().decode())
            return 0
    except urllib.error.HTTPError as error:
        print(error.read().decode(), file=sys.stderr)
    except (OSError, http.client.HTTPException) as error:
        print(f"no answer from {url}: {error}", file=sys.stderr)
    return 1


def _caption(options: argparse.Namespace, settings: Settings) -> int:
    files = list(_files(options.paths))
    wanted = {name: getattr(options, name) for name in SearchOptions.model_fields}
    caption = _caption_in_bulk if options.ray else _caption_one_by_one
    return caption(files, wanted, options, settings)


def _caption_one_by_one(
    files: list[Path], wanted: dict[str, Any], options: argparse.Namespace, settings: Settings
) -> int:
    from service.captioner import load_captioner

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
    return 1 if failed else 0


def _caption_in_bulk(
    files: list[Path], wanted: dict[str, Any], options: argparse.Namespace, settings: Settings
) -> int:
    if not options.output or find_spec("ray") is None:
        missing = "the extra `scale`" if options.output else "--output FOLDER"
        print(f"error: --ray needs {missing}", file=sys.stderr)
        return 2
    load_manifest(settings.model_dir).options(**wanted)
    from service.bulk import caption_files

    counts = caption_files(files, options.output, wanted, settings, options.workers)
    failed = {error: count for error, count in counts.items() if error}
    print(f"{counts['']:,} captioned, {sum(failed.values()):,} failed {failed or ''}".rstrip())
    return 0


def _read(file: Path, manifest: Manifest, settings: Settings) -> tuple[Photo, float]:
    started = time.perf_counter()
    photo = decode(file.read_bytes(), manifest.input, settings.max_pixels)
    return photo, time.perf_counter() - started


def _line(file: Path, response: CaptionResponse, as_json: bool) -> str:
    if as_json:
        described = {"file": str(file)} | response.model_dump(
            mode="json", exclude={"request_id"}, exclude_unset=True
        )
        return json.dumps(described, ensure_ascii=False)
    return f"{file}\t{response.caption}"


def _files(paths: list[Path]) -> Iterator[Path]:
    """The files named, and the images below the folders named, in a stable order."""
    for path in paths:
        if path.is_dir():
            below = sorted(each for each in path.rglob("*") if each.suffix.lower() in SUFFIXES)
            yield from (each for each in below if each.is_file())
        else:
            yield path
