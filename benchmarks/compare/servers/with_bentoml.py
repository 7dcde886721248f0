"""Our artifact behind BentoML, with its adaptive batching."""

import os
import sys
from pathlib import Path
from typing import Any

import bentoml
import numpy as np

from benchmarks.compare.servers.common import PORT, OurModel, pixels

OPTIONS: Any = {
    "workers": 1,
    "traffic": {"timeout": 60},
    # The other servers do not log each request either.
    "logging": {"access": {"enabled": False}},
    # By default the requests under way fail whenever its inner client renews its connections.
    "runner_connection": {"max_requests": 1_000_000_000, "max_age": 86_400.0},
}


@bentoml.service(**OPTIONS)
class Captions:
    def __init__(self) -> None:
        self.model = OurModel()

    @bentoml.api(batchable=True, max_batch_size=8, max_latency_ms=60_000)
    def caption_batch(self, photos: list[np.ndarray]) -> list[str]:
        return self.model.caption(photos)


@bentoml.service(**OPTIONS)
class Routes:
    captions = bentoml.depends(Captions)

    @bentoml.api
    async def predict(self, image: Path) -> dict[str, str]:
        photo = pixels(image.read_bytes())
        (caption,) = await self.captions.to_async.caption_batch([photo])
        return {"caption": caption}


if __name__ == "__main__":
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")
    target = f"{__spec__.name}:Routes" if __spec__ else "with_bentoml:Routes"
    command = ["serve", target, "--host", "127.0.0.1", "--port", str(PORT)]
    os.execv(sys.executable, [sys.executable, "-m", "bentoml", *command])  # noqa: S606
