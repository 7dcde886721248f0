"""What is particular to Ray Serve; test_http.py checks that it answers as one process does."""

import httpx
import pytest

from benchmarks.server import Server
from tests.photos import flickr_sized_jpeg

pytestmark = pytest.mark.http


def test_a_key_that_is_set_where_it_is_deployed_protects_the_api(ray_server: Server) -> None:
    # The cluster was started without it, and Ray gives replicas the cluster's environment.
    photo = {"image": flickr_sized_jpeg()}
    answer = httpx.post(f"{ray_server.url}/caption", files=photo)
    assert answer.status_code == httpx.codes.UNAUTHORIZED
    headers = {"X-API-Key": ray_server.environment["CAPTION_API_KEYS"]}
    answer = httpx.post(f"{ray_server.url}/caption", files=photo, headers=headers, timeout=120)
    assert answer.status_code == httpx.codes.OK
