"""What reading each file of a folder takes, measured in processes that do nothing else.

`python -m tests.service.reading FOLDER` prints a JSON object: for each name the bytes of memory
at the peak (`peak`) and afterwards (`kept`), more than before, and the seconds of computing
(`seconds`), which do not depend on what else the machine does.
"""

import ctypes
import gc
import json
import os
import re
import subprocess
import sys
import time
import warnings
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from pillow_heif import register_heif_opener

from service.engine.errors import ImageError
from service.engine.formats import FORMATS
from service.engine.images import decode
from service.engine.manifest import InputSpec
from service.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
SPEC = InputSpec(height=16, width=16, resize_filter="bicubic")


class Reading(NamedTuple):
    peak: int
    kept: int
    seconds: float


def measured(folder: Path) -> dict[str, Reading]:
    """By the name of each file of a folder. Raises CalledProcessError."""
    command = [sys.executable, "-m", "tests.service.reading", str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE)
    return {name: Reading(*found) for name, found in json.loads(done.stdout).items()}


def read(path: Path) -> Reading:
    data, most = path.read_bytes(), Settings().max_pixels
    CLEAR.write_text("5")  # the peak starts anew at what is used now
    before, started = memory("VmRSS"), time.process_time()
    with suppress(ImageError):
        decode(data, SPEC, most)
    seconds = time.process_time() - started
    peak = memory("VmHWM") - before
    give_back()
    return Reading(peak, memory("VmRSS") - before, seconds)


def give_back() -> None:
    """Let the allocator return what is free, which it otherwise does when it sees fit."""
    gc.collect()
    with suppress(AttributeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)


def memory(name: str) -> int:
    """Bytes of this process, as Linux tells them."""
    return int(re.findall(rf"{name}:\s+(\d+) kB", STATUS.read_text())[0]) * 1024


def alone(path: Path) -> Reading:
    """`read` in a process of its own, which ends with it."""
    receiver, sender = os.pipe()
    if os.fork() == 0:
        os.write(sender, json.dumps(read(path)).encode())
        os._exit(0)
    os.close(sender)
    with open(receiver) as answer:
        found = json.load(answer)
    os.wait()
    return Reading(*found)


def warm_up() -> None:
    """Load what the first photo of a format loads for good."""
    register_heif_opener()
    for format in FORMATS:
        buffer = BytesIO()
        Image.new("RGB", (8, 8)).save(buffer, format)
        decode(buffer.getvalue(), SPEC, Settings().max_pixels)


def main() -> None:
    warnings.simplefilter("ignore")  # of damaged files
    warm_up()
    json.dump({path.name: alone(path) for path in sorted(Path(sys.argv[1]).iterdir())}, sys.stdout)


if __name__ == "__main__":
    main()
