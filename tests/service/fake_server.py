"""A server in a process of its own, with a captioner that takes 30 ms and needs no model.

It prints what it counted when it has stopped: `python -m tests.service.fake_server`, with the
settings in the environment.
"""

import asyncio
import json
import sys

from service.engine.captions import Captions, Pixels
from service.engine.manifest import SearchOptions
from service.http.app import create_app
from service.http.server import Server
from service.settings import Settings
from tests.service.conftest import FakeCaptioner, tiny_manifest

SECONDS = 0.03


class SlowCaptioner(FakeCaptioner):
    async def caption(self, images: Pixels, options: SearchOptions) -> Captions:
        await asyncio.sleep(SECONDS)
        return self.caption_now(images, options, 0.0)


def main() -> int:
    settings = Settings()
    app = create_app(settings, SlowCaptioner(tiny_manifest()))
    server = Server(app, settings)
    server.run()
    samples = [
        sample
        for family in app.state.metrics.registry.collect()
        for sample in family.samples
        if sample.name == "caption_requests_total"
    ]
    outcomes = {sample.labels["outcome"]: sample.value for sample in samples}
    print(json.dumps({"outcomes": outcomes, "pending": app.state.admission.pending}))
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
