"""OpenVINO reports to its makers that it was imported; this service tells nobody."""

import sys


def forbid_telemetry() -> None:
    """Keep `openvino` from reporting; to be called before it is imported.

    Its package `openvino_telemetry` sends an event to an analytics service, and fails for users
    without a home folder, as in containers. OpenVINO works without that package.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
