"""Requests that nobody thought of: by the OpenAPI document, and around it."""

import os
from typing import Any

import anyio
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance

from service.engine.errors import ImageError
from service.engine.images import decode
from service.http.app import create_app
from service.settings import Settings
from tests.service.conftest import (
    SIDE,
    FakeCaptioner,
    client_of,
    grey_png,
    tiny_manifest,
    upload,
)
from tests.service.hostile import corpus

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))  # `make fuzz` tries many more
PHOTOS = [row.data for row in corpus() if row.status == 200]

bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
schema = schemathesis.openapi.from_asgi(
    "/openapi.json", create_app(Settings(), FakeCaptioner(tiny_manifest()))
)


@schema.parametrize()
@bounded
def test_answers_are_as_the_document_says_and_never_our_fault(case: Case[Any]) -> None:
    # Bytes that are no photo fit the document, and are refused all the same.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])


@given(st.data())
@bounded
def test_a_photo_with_bytes_changed_is_decoded_or_refused(data: st.DataObject) -> None:
    photo = bytearray(data.draw(st.sampled_from(PHOTOS)))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, min(len(photo), 200) - 1) | st.integers(0, len(photo) - 1))
        photo[place] = data.draw(st.integers(0, 255))
    try:
        pixels = decode(bytes(photo), tiny_manifest().input, 1_000_000).pixels
    except ImageError:
        return
    assert pixels.shape == (SIDE, SIDE, 3)


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\r\n", b"--x", b"--x--", b'name="image"', b"Content-Disposition: "]),
    st.binary(max_size=100),
)
@bounded
def test_a_form_of_any_bytes_is_the_sender_s_mistake(
    before: bytes, between: bytes, after: bytes
) -> None:
    async def post() -> int:
        app = create_app(Settings(), FakeCaptioner(tiny_manifest()))
        async with client_of(app) as client:
            answer = await client.post(
                "/caption",
                content=b"--x\r\n" + before + between + after,
                headers={"content-type": "multipart/form-data; boundary=x"},
            )
            assert (await client.post("/caption", files=upload(grey_png()))).status_code == 200
            return answer.status_code

    assert 400 <= anyio.run(post) < 500
