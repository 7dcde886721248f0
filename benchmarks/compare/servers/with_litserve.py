"""Our artifact behind LitServe, batched as its documentation shows."""

from typing import Any

import litserve
from fastapi import Request

from benchmarks.compare.servers.common import PORT, OurModel, pixels


class Captions(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.model = OurModel()

    def decode_request(self, request: Request) -> Any:
        # LitServe reads the annotation to know that a form is posted, and gives its fields.
        return pixels(request["image"].file.read())

    def batch(self, inputs: list[Any]) -> list[Any]:
        return inputs

    def unbatch(self, output: list[str]) -> list[str]:
        return output

    def predict(self, photos: list[Any]) -> list[str]:
        return self.model.caption(photos)

    def encode_response(self, output: str) -> dict[str, str]:
        return {"caption": output}


if __name__ == "__main__":
    api = Captions(max_batch_size=8, batch_timeout=0.005)
    litserve.LitServer(api, accelerator="cpu").run(
        host="127.0.0.1", port=PORT, generate_client_file=False, log_level="error"
    )
