"""The command line: serve, caption files, ask for the health."""

import argparse
import errno
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service import __version__

# Whatever takes long to import is imported where it is used: the health check runs every few
# seconds.
if TYPE_CHECKING:
    from service.settings import Settings

COMMAND = "photo-captions"
SETTINGS = ("host", "port", "model_dir")  # that the command line takes, too
STATUSES = """\
exit status:
  0    done
  1    failed: the model cannot be used, the server is not ready, or a file was not captioned
  2    misused: an option or setting is invalid, or a file does not exist
  3    the server cannot listen on the address, for instance because its port is in use
  4    the model failed while it served; only a restart fixes it
  130  interrupted by Ctrl-C
"""


class AddressError(Exception):
    """The server cannot listen where it should; the message says why and what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command; the exit status, as `--help` lists it."""
    options = _parser().parse_args(arguments)
    try:
        return _health(options) if options.run is _health else _with_settings(options)
    except KeyboardInterrupt:  # also while libraries are imported, which takes a moment
        print("interrupted", file=sys.stderr)
        return 130


def _with_settings(options: argparse.Namespace) -> int:
    from pydantic import ValidationError

    from service.engine.errors import ArtifactError, DeviceError, OptionError
    from service.files import NothingToDoError
    from service.settings import Settings

    given = {name: value for name in SETTINGS if (value := getattr(options, name, None))}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        for each in error.errors():
            print(f"error: {_named(str(each['loc'][0]), given)}: {each['msg']}", file=sys.stderr)
        return 2
    try:
        return int(options.run(options, settings))
    except (OptionError, NothingToDoError) as error:
        return _failed(error, 2)
    except (ArtifactError, DeviceError) as error:
        return _failed(error, 1)
    except AddressError as error:
        return _failed(error, 3)
    except BrokenPipeError:  # whoever read the output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _named(name: str, given: dict[str, Any]) -> str:
    """A setting as the user wrote it."""
    if name in given:
        return f"--{name.replace('_', '-')} {given[name]}"
    name = f"CAPTION_{name.upper()}"
    return f"{name}={os.environ.get(name, '')}"


def _failed(error: Exception, status: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    installed = Path(sys.argv[0]).stem == COMMAND
    parser = argparse.ArgumentParser(
        prog=COMMAND if installed else "python -m service",
        description="Caption photos, over HTTP or on the command line. Settings are CAPTION_* "
        "environment variables; without a command it serves.",
        epilog=STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"{COMMAND} {__version__}")
    parser.set_defaults(run=_serve)
    commands = parser.add_subparsers(metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve captions over HTTP, and the page")
    _add_address(serve)
    _add_model(serve)
    serve.set_defaults(run=_serve)

    captions = commands.add_parser(
        "caption",
        help="caption image files and folders",
        description="Writes a line for each photo: its file, caption, confidence from 0 to 1, and "
        "`uncertain` if the caption is only a guess, between tabs.",
    )
    captions.add_argument(
        "paths", nargs="+", type=Path, metavar="FILE|FOLDER", help="- reads standard input"
    )
    captions.add_argument("--json", action="store_true", help="a JSON object a line, all beams")
    captions.add_argument("--beam-size", type=int)
    captions.add_argument("--max-length", type=int)
    captions.add_argument("--length-penalty", type=float)
    captions.add_argument(
        "--people",
        choices=["seen", "neutral"],
        help="how people are named, if the model can choose",
    )
    captions.add_argument(
        "--ray", action="store_true", help="with many processes, into --output; resumes if stopped"
    )
    captions.add_argument("--output", type=Path, help="folder of Parquet files, with --ray")
    captions.add_argument("--workers", type=int, help="processes, with --ray")
    _add_model(captions)
    captions.set_defaults(run=_caption)

    health = commands.add_parser("health", help="exit with 0 if the running server is ready")
    _add_address(health)
    health.set_defaults(run=_health)
    return parser


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="address of the server (CAPTION_HOST)")
    parser.add_argument("--port", help="its TCP port (CAPTION_PORT)")


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model-dir", help="folder of the model (CAPTION_MODEL_DIR)")


def _serve(options: argparse.Namespace, settings: "Settings") -> int:
    """Serve until asked to stop. Raises ArtifactError, DeviceError and AddressError."""
    from service.engine.manifest import read_manifest
    from service.http.app import create_app
    from service.http.server import Server
    from service.logs import configure_logging

    read_manifest(settings.model_dir)  # without a model it would answer 503 for ever
    if settings.device == "gpu":
        from service.engine.saved_model import check_device

        check_device(settings)
    listening = _listen(settings.host, settings.port)
    # Asked twice, Uvicorn raises the signal again once it has stopped; it was asked to: that is 0.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    configure_logging(settings)
    server = Server(create_app(settings), settings)
    with listening:
        server.run(sockets=[listening])
    return server.exit_status


def _listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address. Raises AddressError."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if os.name == "posix":  # elsewhere it would let two servers share a port
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise AddressError(
            f"cannot listen on {host} port {port}: {error.strerror}; {_instead(error)}"
        ) from None
    return listening


def _instead(error: OSError) -> str:
    if error.errno in (errno.EADDRINUSE, errno.EACCES):
        return "choose another with --port or CAPTION_PORT, or stop what uses it"
    return "choose an address of this machine with --host or CAPTION_HOST; 0.0.0.0 is all of them"


def _health(options: argparse.Namespace) -> int:
    from service import health

    return health.check(options.host, options.port)


def _caption(options: argparse.Namespace, settings: "Settings") -> int:
    from service.files import caption

    return caption(options, settings)
