"""Record what the running service answers, for the OpenAPI document and the README."""

import json
from pathlib import Path
from typing import Any

import httpx
import skimage

from benchmarks.server import ROOT, serving

OUTPUT = ROOT / "service" / "http" / "examples.json"
PHOTO = Path(skimage.__file__).parent / "data" / "motorcycle_left.png"


def record(url: str) -> dict[str, Any]:
    """Answers by name; `photo` is the file that was captioned."""

    def caption(**options: str) -> Any:
        files = {"image": PHOTO.read_bytes()}
        return httpx.post(f"{url}/caption", files=files, data=options, timeout=60).json()

    return {
        "photo": PHOTO.name,
        "caption": caption(beam_size="2"),
        "caption_with_attention": caption(beam_size="1", attention="true"),
        "health": httpx.get(f"{url}/health").json(),
        "live": httpx.get(f"{url}/health/live").json(),
        "model": httpx.get(f"{url}/model").json(),
    }


def main() -> None:
    with serving(CAPTION_LOG_LEVEL="warning") as server:
        server.wait_until_ready()
        answers = record(server.url)
    OUTPUT.write_text(json.dumps(answers, indent=1) + "\n")


if __name__ == "__main__":
    main()
