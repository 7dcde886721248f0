"""The health check of a running server, for containers: it starts in a tenth of a second.

It therefore reads its two settings itself: the libraries behind `Settings` take longer to import.
"""

import http.client
import os
import sys

TIMEOUT_SECONDS = 3
# Where a server that listens on every address is reached.
LOCAL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def check(host: str | None, port: str | None) -> int:
    """Print what the server's /health says; 0 if it is ready, 1 if not, 2 for a wrong port."""
    named = f"--port {port}" if port else f"CAPTION_PORT={os.environ.get('CAPTION_PORT')}"
    host = host or os.environ.get("CAPTION_HOST", "127.0.0.1")
    port = port or os.environ.get("CAPTION_PORT", "8000")
    if not port.isdecimal() or not 1 <= int(port) <= 65_535:
        print(f"error: {named}: it must be a number from 1 to 65535", file=sys.stderr)
        return 2
    host = LOCAL.get(host, host)
    # Straight to the server: a proxy of the environment is for other hosts.
    connection = http.client.HTTPConnection(host, int(port), timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        at = f"[{host}]" if ":" in host else host
        print(f"no answer from http://{at}:{port}/health: {error}", file=sys.stderr)
        return 1
    finally:
        connection.close()
    ready = answer.status == http.HTTPStatus.OK
    print(text, file=sys.stdout if ready else sys.stderr)
    return 0 if ready else 1
