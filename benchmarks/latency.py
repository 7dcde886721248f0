"""Start-up, memory and latency of the service, measured on the running server.

Every figure is of this machine and this hour: compare only figures of one run.
"""

import argparse
import os
import platform
import statistics
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import httpx
import skimage
from PIL import Image
from tqdm import tqdm

from benchmarks.report import report
from benchmarks.server import serving

PHOTOS = Path(skimage.__file__).parent / "data"
BEAM_SIZES = (1, 3, 5, 10)
WARM_UP = 5  # rounds that are not counted


@dataclass(frozen=True)
class Case:
    """A request that is repeated."""

    what: str
    image: bytes
    options: dict[str, str]


def photo(width: int, height: int) -> bytes:
    """A JPEG of a photograph that ships inside scikit-image."""
    with Image.open(PHOTOS / "chelsea.png") as image:
        buffer = BytesIO()
        image.convert("RGB").resize((width, height)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def measure(url: str, cases: list[Case], repeats: int) -> dict[str, list[float]]:
    """Milliseconds on the server (decoding, queue and inference) of each case's requests.

    The cases take turns, so that a machine that slows down for a while slows all of them.
    """
    taken: dict[str, list[float]] = {case.what: [] for case in cases}
    with httpx.Client(timeout=60) as client:
        for i in tqdm(range(repeats + WARM_UP), desc="rounds"):
            for case in cases:
                answer = client.post(
                    f"{url}/caption", files={"image": case.image}, data=case.options
                )
                answer.raise_for_status()
                if i >= WARM_UP:
                    taken[case.what].append(sum(answer.json()["milliseconds"].values()))
    return taken


def machine() -> str:
    return f"{os.cpu_count()} CPU cores ({platform.machine()}), no GPU"


def described(taken: list[float]) -> str:
    tail = statistics.quantiles(taken, n=20)[-1]
    return f"median {statistics.median(taken):.0f} ms, 95th percentile {tail:.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=100)
    repeats = parser.parse_args().repeats
    with serving(CAPTION_LOG_LEVEL="warning") as server:
        ready_seconds = server.wait_until_ready()
        flickr, phone = photo(500, 375), photo(4032, 3024)
        cases = [
            *(Case(f"500x375 JPEG, beam {k}", flickr, {"beam_size": str(k)}) for k in BEAM_SIZES),
            Case("4032x3024 JPEG, beam 3", phone, {"beam_size": "3"}),
        ]
        taken = measure(server.url, cases, repeats)
        memory = server.resident_bytes() / 1e6
    rows = [
        {"what": "from `python -m service` to ready", "value": f"{ready_seconds:.1f} s"},
        {"what": "resident memory afterwards", "value": f"{memory:.0f} MB"},
        *({"what": what, "value": described(each)} for what, each in taken.items()),
    ]
    how = f"time on the server, {repeats} requests each, one after another in turns."
    report("latency", f"{machine()}; {how}", rows, milliseconds=taken)


if __name__ == "__main__":
    main()
