"""A server that does not end when it is asked to, and has started another process."""

import os
import signal
import subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer


class Caption(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(404 if self.path == "/nowhere" else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: no test reads it."""


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with subprocess.Popen(["sleep", "600"]):  # noqa: S607
        HTTPServer(("127.0.0.1", int(os.environ["CAPTION_PORT"])), Caption).serve_forever()
