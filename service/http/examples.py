"""Examples of answers for the OpenAPI document.

`python -m benchmarks.examples` records those in `examples.json` from the running service; tests
compare the details of problems with what the service says.
"""

import json
from pathlib import Path
from typing import Any

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parent / "examples.json").read_text(encoding="utf-8")
)

FORMATS = "JPEG, PNG, WEBP, GIF, BMP, TIFF, AVIF, HEIF"
DETAILS = {
    "malformed_request": "Missing boundary in multipart.",
    "unauthorized": "send an API key in the header 'Authorization: Bearer KEY' or 'X-API-Key: KEY'",
    "not_found": "there is nothing at this path; there are POST /caption, GET /health, "
    "GET /health/ready, GET /health/live, GET /model, GET /model/card, GET /metrics, GET /docs",
    "method_not_allowed": "/caption takes POST",
    "body_too_slow": "the upload was not complete after 10 seconds; send a smaller photo",
    "too_many_bytes": "the image file is larger than 10,000,000 bytes; send a smaller one",
    "too_many_pixels": "the image has more than 50,000,000 pixels; send a smaller one",
    "not_an_image": f"the file is not an image; send one of {FORMATS}",
    "unsupported_format": f"PDF files are not supported; send one of {FORMATS}",
    "image_missing": "the file came in the field 'other'; send the photo as a file in the "
    "multipart form field 'image', or its bytes alone with a Content-Type such as image/jpeg",
    "image_empty": "the image file is empty; send one with content",
    "image_truncated": "the image ends too soon or is damaged; send the whole file",
    "image_too_complex": "the image takes too long to decode: it is coded in 406 scans; save it "
    "as a plain JPEG",
    "too_many_images": "send one image a request",
    "invalid_option": "beam_size: Input should be greater than or equal to 1",
    "internal_error": "the error was logged; quote the request id when you report it",
    "overloaded": "32 requests are waiting; try again in a moment",
    "not_ready": "the model is being loaded; try again in a few seconds",
    "deadline_exceeded": "there was no caption within 10 seconds; try again later",
}


def recorded(*names: str, text: bool = False) -> dict[int | str, dict[str, Any]]:
    """How the OpenAPI document shows a route's good answers."""
    examples = {name: {"value": RECORDED[name]} for name in names}
    content: dict[str, Any] = {"application/json": {"examples": examples}}
    if text:
        content["text/plain"] = {
            "schema": {"type": "string"},
            "examples": {"text": {"value": RECORDED[names[0]]["caption"] + "\n"}},
        }
    return {200: {"content": content}}
