import subprocess
import sys


def test_openvino_is_imported_without_its_telemetry() -> None:
    script = (
        "import service.engine.openvino\n"
        "from openvino.tools.ovc import telemetry_utils\n"
        "print(telemetry_utils.tm.__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, stdout=subprocess.PIPE, text=True
    )
    assert done.stdout.strip() == "openvino.tools.ovc.telemetry_stub"
