"""Millions of photos, captioned by many processes on Ray Data; the extra `scale` installs it.

The output is a folder of Parquet files. Each appears whole or not at all, so whoever was stopped
goes on where he was.
"""

import logging
import math
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from service.engine.captions import Beam, assess
from service.engine.errors import ImageError
from service.engine.images import Photo, decode
from service.engine.manifest import Manifest
from service.settings import Settings

PART_SECONDS = 10  # of work in a file of the output; so much is lost when it is stopped
BLOCK_ROWS = 32  # that a worker gets at a time

SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("caption", pa.string()),
        ("confidence", pa.float64()),
        ("uncertain", pa.bool_()),
        ("log_probability", pa.float64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("format", pa.string()),
        ("error", pa.string()),  # null, or a problem's code ...
        ("detail", pa.string()),  # ... and its words
    ]
)
Row = dict[str, Any]


class Worker:
    """One process with a model, which captions files by the batch."""

    def __init__(self, settings: Settings, options: dict[str, Any]) -> None:
        from service.engine.load import load_captioner  # which those who only wait do not need

        self._settings = settings
        self._captioner = load_captioner(settings)
        self._search = self._captioner.manifest.options(**options)

    def __call__(self, batch: dict[str, Sequence[str]]) -> dict[str, list[Any]]:
        rows = [self._read(str(file)) for file in batch["file"]]
        good = [row for row in rows if "photo" in row]
        if good:
            self._caption(good)
        return {name: [row.get(name) for row in rows] for name in SCHEMA.names}

    def _read(self, file: str) -> Row:
        spec, most = self._captioner.manifest.input, self._settings.max_pixels
        try:
            return {"file": file, "photo": decode(Path(file).read_bytes(), spec, most)}
        except ImageError as error:
            return {"file": file, "error": error.code, "detail": str(error)}
        except OSError as error:
            return {"file": file, "error": "unreadable", "detail": error.strerror}

    def _caption(self, rows: list[Row]) -> None:
        """Add what was found to the rows of one batch."""
        pixels = np.stack([row["photo"].pixels for row in rows])
        found = self._captioner.caption_now(pixels, self._search, time.perf_counter())
        for row, beams in zip(rows, found.beams, strict=True):
            row.update(described(row.pop("photo"), beams, self._captioner.manifest))


def described(photo: Photo, beams: list[Beam], manifest: Manifest) -> Row:
    """What the output says of a captioned photo: the same as the API's answer."""
    confidence, uncertain = assess(beams[0], manifest)
    return {
        "caption": beams[0].text,
        "confidence": confidence,
        "uncertain": uncertain,
        "log_probability": beams[0].log_probability,
        "width": photo.width,
        "height": photo.height,
        "format": photo.format,
    }


def caption_files(
    files: Sequence[Path],
    output: Path,
    options: dict[str, Any],
    settings: Settings,
    workers: int | None = None,
) -> Counter[str]:
    """Caption what the output does not have yet; how many rows it got, by error ("" for none).

    `workers` processes compute with `settings.threads` each; by default as many as Ray's
    cluster has processors for. Where RAY_ADDRESS names no cluster, one is started here.
    """
    output.mkdir(parents=True, exist_ok=True)
    done = finished(output)
    # Absolute, as other processes start elsewhere, and so does perhaps whoever goes on.
    waiting = [file for file in map(str, map(Path.absolute, files)) if file not in done]
    counts: Counter[str] = Counter()
    if not waiting:
        return counts
    part: list[pa.Table] = []
    written = time.monotonic()
    bar = tqdm(total=len(files), initial=len(files) - len(waiting), unit="photo")
    try:
        for table in _captioned(waiting, options, settings, workers):
            part.append(table)
            counts.update(error or "" for error in table["error"].to_pylist())
            bar.update(len(table))
            bar.set_postfix(failed=counts.total() - counts[""])
            if time.monotonic() > written + PART_SECONDS:
                write(output, part)
                part, written = [], time.monotonic()
    finally:
        bar.close()
        write(output, part)
    return counts


def _captioned(
    files: list[str], options: dict[str, Any], settings: Settings, workers: int | None
) -> Iterator[pa.Table]:
    """Tables of SCHEMA, in the order they get ready."""
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell others
    # By itself it might look for a cluster that somebody, perhaps in vain, started here before.
    ray.init(
        os.environ.get("RAY_ADDRESS", "local"),
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.WARNING,
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    processors = int(ray.cluster_resources()["CPU"])
    rows = ray.data.from_items(
        [{"file": file} for file in files],
        override_num_blocks=math.ceil(len(files) / BLOCK_ROWS),
    ).map_batches(
        Worker,
        fn_constructor_args=(settings, options),
        batch_size=settings.max_batch,
        compute=ray.data.ActorPoolStrategy(size=workers or max(1, processors // settings.threads)),
        num_cpus=settings.threads,
        num_gpus=1 if settings.device == "gpu" else 0,
    )
    try:
        for table in rows.iter_batches(batch_size=None, batch_format="pyarrow"):
            yield table.cast(SCHEMA)
    finally:
        ray.shutdown()


def finished(output: Path) -> set[str]:
    """The files that have a row."""
    parts = output.glob("part-*.parquet")
    return {
        file for part in parts for file in pq.read_table(part, columns=["file"])["file"].to_pylist()
    }


def write(output: Path, tables: list[pa.Table]) -> None:
    """One more file, which is there whole or not at all."""
    if not tables:
        return
    name = uuid4().hex
    unfinished = output / f"{name}.unfinished"
    pq.write_table(pa.concat_tables(tables), unfinished)
    unfinished.rename(output / f"part-{name}.parquet")
