"""The memory that photos take at worst, beside the formula for it in docs/operations.md.

Every upload is the most expensive photo that the settings accept: WebP with transparency of
`CAPTION_MAX_PIXELS`, padded to nearly `CAPTION_MAX_BYTES`.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import httpx
from PIL import Image
from tqdm import tqdm

from benchmarks.latency import machine
from benchmarks.report import report
from benchmarks.server import serving
from service.settings import Settings

BYTES_A_PIXEL = 16
WAITING = 224 * 224 * 3


def most_expensive(settings: Settings) -> bytes:
    side = int(settings.max_pixels**0.5)
    buffer = BytesIO()
    Image.new("RGBA", (side, side), (9, 99, 199, 99)).save(buffer, "WEBP", lossless=True)
    return buffer.getvalue().ljust(settings.max_bytes - 1000, b"\0")


def formula(settings: Settings) -> int:
    """Bytes, as docs/operations.md states them."""
    decoding = settings.decoders * BYTES_A_PIXEL * settings.max_pixels
    return decoding + 2 * settings.upload_memory + settings.max_pending * WAITING


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--photos", type=int, default=256)
    arguments = parser.parse_args()
    settings = Settings()
    photo = most_expensive(settings)
    outcomes: dict[int, int] = {}

    with serving(CAPTION_LOG_LEVEL="warning", CAPTION_RECEIVE_SECONDS="60") as server:
        server.wait_until_ready()
        with httpx.Client(timeout=300, limits=httpx.Limits(max_connections=None)) as client:

            def post(image: bytes) -> int:
                return client.post(f"{server.url}/caption", files={"image": image}).status_code

            small = BytesIO()
            Image.new("RGB", (64, 64)).save(small, "PNG")
            post(small.getvalue())
            before = server.resident_bytes()
            with ThreadPoolExecutor(arguments.clients) as pool:
                answers = pool.map(post, [photo] * arguments.photos)
                for status in tqdm(answers, total=arguments.photos, desc="photos"):
                    outcomes[status] = outcomes.get(status, 0) + 1
            while post(small.getvalue()) != httpx.codes.OK:  # until what was given up has ended
                pass
        peak, after = server.peak_bytes(), server.resident_bytes()
    rows = [
        {"what": "before the first large photo", "value": f"{before / 1e6:.0f} MB"},
        {"what": "most, less that", "value": f"{(peak - before) / 1e6:.0f} MB"},
        {"what": "the formula, with the defaults", "value": f"{formula(settings) / 1e6:.0f} MB"},
        {"what": "afterwards", "value": f"{after / 1e6:.0f} MB"},
    ]
    answered = ", ".join(f"{count} of {status}" for status, count in sorted(outcomes.items()))
    how = (
        f"{arguments.photos} photos of {len(photo) / 1e6:.1f} MB and "
        f"{settings.max_pixels / 1e6:.0f} megapixels from {arguments.clients} clients at a time; "
        f"answers: {answered}"
    )
    report("memory", f"{machine()}; {how}", rows, answers=outcomes)


if __name__ == "__main__":
    main()
