"""OpenVINO and NNCF report their use to their makers; training tells nobody."""

import sys


def forbid_telemetry() -> None:
    """Keep `openvino` and `nncf` from reporting; to be called before they are imported.

    Its package `openvino_telemetry` sends an event to an analytics service, and fails for users
    without a home folder, as in containers. OpenVINO works without that package.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
