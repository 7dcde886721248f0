"""Build the image without a Docker engine, run it as its user on a read-only root, and report it.

Needs root on Debian, and installs `buildah` and `debootstrap` there. The base is the Debian that
the Dockerfile names, made by debootstrap from the archive this machine uses, with this machine's
way to its package index.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.latency import photo
from benchmarks.report import report
from benchmarks.server import ROOT, Server, ServerError, free_port

WORK = ROOT / "data" / "image"
IMAGE = "localhost/captions"
# How this machine reaches Debian and PyPI; none of it gets into the image that ships.
HOST_FILES = (
    "/etc/apt/sources.list.d/debian.sources",
    "/etc/pip.conf",
    "/etc/ssl/certs/ca-certificates.crt",
)
USER = "10001:0"
LIBRARIES = {"TensorFlow": "tensorflow", "OpenVINO": "openvino", "Ray": "ray"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extras", default="", help="tracing, scale or both; reports nothing")
    extras = parser.parse_args().extras
    if os.geteuid() != 0:
        print("run it as root: it installs packages and changes the root of a process")
        return 1
    install("buildah", "debootstrap")
    WORK.mkdir(parents=True, exist_ok=True)
    suite = suite_of((ROOT / "Dockerfile").read_text())
    base = f"localhost/base:{suite}"
    if not json.loads(buildah("images", "--json", "--filter", f"reference={base}") or "[]"):
        make_base(suite, base)
    revision = output("git", "rev-parse", "HEAD")
    buildah(
        *("build", "--isolation", "chroot", "--format", "docker", "--tag", IMAGE),
        *("--build-arg", f"BASE={base}", "--build-arg", "LOCK=requirements-cpu.lock"),
        *("--build-arg", f"EXTRAS={extras}", "--build-arg", f"REVISION={revision}", "."),
    )
    described = json.loads(buildah("inspect", "--type", "image", IMAGE))
    config = described["Docker"]["config"]
    container = buildah("from", IMAGE)
    try:
        root = Path(buildah("mount", container))
        rows = sizes(root, suite)
        with mounted(root):
            inspect(root, config)
            with serving(root, config, extras) as server:
                seconds = check(server, root, config)
        rows.append({"what": "from start to ready", "value": f"{seconds:.1f} s"})
    finally:
        buildah("rm", container)
    if not extras:
        report("image", f"Debian {suite}, CPU.", rows)
    return 0


def suite_of(dockerfile: str) -> str:
    """The release of Debian that the image is based on."""
    found = re.search(r"^ARG BASE=debian:(\w+)-slim$", dockerfile, re.MULTILINE)
    if found is None:
        raise SystemExit("the Dockerfile's base is no debian:...-slim; debootstrap cannot make it")
    return found[1]


def output(*command: str) -> str:
    """What a command prints; what it complains of is shown. Raises CalledProcessError."""
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    return done.stdout.strip()


def buildah(*arguments: str) -> str:
    storage = ("--storage-driver", "vfs", "--root", f"{WORK}/storage", "--runroot", f"{WORK}/run")
    if arguments[0] == "build":  # prints its progress, which people may want to see
        subprocess.run(["buildah", *storage, *arguments], cwd=ROOT, check=True, stdout=sys.stderr)  # noqa: S603, S607
        return ""
    return output("buildah", *storage, *arguments)


def install(*packages: str) -> None:
    missing = [package for package in packages if not shutil.which(package)]
    if missing:
        output("apt-get", "update", "-qq")
        output("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing)


def make_base(suite: str, base: str) -> None:
    """An image of a minimal Debian, in the place of `debian:...-slim`."""
    tree = WORK / suite
    shutil.rmtree(tree, ignore_errors=True)
    sources = Path(HOST_FILES[0]).read_text()
    archive = next(line.split()[1] for line in sources.splitlines() if line.startswith("URIs:"))
    output(
        "debootstrap", "--variant=minbase", "--include=ca-certificates", suite, str(tree), archive
    )
    (tree / "etc/apt/sources.list").unlink(missing_ok=True)
    for name in HOST_FILES:
        if Path(name).exists():
            shutil.copy(name, tree / name.removeprefix("/"))
    for caches in ("var/lib/apt/lists", "var/cache/apt"):
        shutil.rmtree(tree / caches, ignore_errors=True)
    container = buildah("from", "scratch")
    buildah("copy", "--quiet", container, str(tree), "/")
    buildah("commit", "--quiet", container, base)
    buildah("rm", container)


def sizes(root: Path, suite: str) -> list[dict[str, str]]:
    """The whole file system, and its layers by the size of what they brought."""
    base = bytes_of(WORK / suite)
    [packages] = root.glob("opt/captions/lib/*/site-packages")
    parts = {
        "`COPY` of the Python packages": root / "opt/captions",
        **{
            f"of these, {name}": packages / folder
            for name, folder in LIBRARIES.items()
            if (packages / folder).exists()
        },
        "`COPY` of the model": root / "app/model_artifacts",
        "`COPY` of the service": root / "app/service",
    }
    found = {what: bytes_of(part) for what, part in parts.items()}
    whole = bytes_of(root)
    copied = sum(size for what, size in found.items() if what.startswith("`COPY`"))
    found = {"base": base, "`RUN` that installs Python": whole - base - copied} | found
    found["the whole image, unpacked"] = whole
    return [{"what": what, "value": f"{size / 1e6:.1f} MB"} for what, size in found.items()]


def bytes_of(folder: Path) -> int:
    du = output("du", "--summarize", "--bytes", "--one-file-system", str(folder))
    return int(du.split()[0])


@contextmanager
def mounted(root: Path) -> Iterator[None]:
    """The image's files read-only, with /proc, /dev and an empty /tmp."""
    output("mount", "--bind", str(root), str(root))
    output("mount", "-o", "remount,ro,bind", str(root), str(root))
    output("mount", "-t", "proc", "proc", str(root / "proc"))
    output("mount", "-t", "tmpfs", "tmpfs", str(root / "tmp"))
    output("mount", "--bind", "/dev", str(root / "dev"))
    try:
        yield
    finally:
        for part in ("dev", "tmp", "proc", "."):
            output("umount", "--lazy", str(root / part))


def command(root: Path, *arguments: str) -> list[str]:
    """Run something within the image's file system as its user."""
    return [
        shutil.which("chroot") or "chroot",
        "--userspec",
        USER,
        "--groups",
        "",
        str(root),
        *arguments,
    ]


def environment_of(config: dict[str, Any]) -> dict[str, str]:
    """What the image sets, and nothing else."""
    return dict(each.split("=", 1) for each in config["Env"])


def inspect(root: Path, config: dict[str, Any]) -> None:
    """Raises ServerError where the image is not as it must be."""
    if config["User"] != USER:
        raise ServerError(f"the image runs as {config['User']}")
    held = sorted(each.name for each in (root / "app").iterdir())
    if held != ["deploy", "model_artifacts", "service"]:
        raise ServerError(f"/app holds {held}")
    for tool in ("pip", "gcc", "curl", "wget"):
        if any((root / folder / tool).exists() for folder in ("usr/bin", "opt/captions/bin")):
            raise ServerError(f"the image has {tool}")
    for path in ("/app/new", "/opt/captions/new"):
        tried = subprocess.run(command(root, "touch", path), check=False, capture_output=True)  # noqa: S603
        if tried.returncode == 0:
            raise ServerError(f"{path} could be written")
    python = output(*command(root, "/opt/captions/bin/python", "--version"))
    tested = "Python {}.{}.".format(*sys.version_info)
    if not python.startswith(tested):
        raise ServerError(f"the image has {python}, and the tests ran on {tested}")


@contextmanager
def serving(root: Path, config: dict[str, Any], extras: str) -> Iterator[Server]:
    """The entry point, with the environment of the image and nothing else."""
    environment = environment_of(config) | {"CAPTION_PORT": str(free_port())}
    if "tracing" in extras:
        environment["CAPTION_TRACING"] = "true"
    log = WORK / "log"
    started = time.perf_counter()
    with log.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603
            command(root, "env", "-C", config["WorkingDir"], *config["Entrypoint"]),
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{environment['CAPTION_PORT']}"
    server = Server(url, process, environment, log, started)
    try:
        yield server
        process.terminate()
        if process.wait(timeout=30):
            raise ServerError(f"it ended with {process.returncode}: {log.read_text()}")
    finally:
        process.kill()


def check(server: Server, root: Path, config: dict[str, Any]) -> float:
    """Seconds until it was ready. Raises if it does not caption or does not know its health."""
    seconds = server.wait_until_ready()
    answer = httpx.post(
        f"{server.url}/caption", files={"image": photo(500, 375)}
    ).raise_for_status()
    print(f"captioned: {answer.json()['caption']}")
    _, *health = config["Healthcheck"]["Test"]  # after "CMD"
    subprocess.run(  # noqa: S603
        command(root, "env", "-C", config["WorkingDir"], *health),
        env=server.environment,
        check=True,
    )
    return seconds


if __name__ == "__main__":
    sys.exit(main())
