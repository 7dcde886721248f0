"""Build the image without a Docker engine, run it as its user on a read-only root, and report it.

Needs root on Debian, and installs `buildah` and `debootstrap` there. The base is made by
debootstrap from the archive this machine uses, with this machine's way to its package index.
"""

import json
import os
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
BASE, IMAGE = "localhost/base", "localhost/captions"
SUITE = "bookworm"
# How this machine reaches Debian and PyPI; none of it gets into the image that ships.
HOST_FILES = (
    "/etc/apt/sources.list.d/debian.sources",
    "/etc/pip.conf",
    "/etc/ssl/certs/ca-certificates.crt",
)
USER = "10001:0"


def main() -> int:
    if os.geteuid() != 0:
        print("run it as root: it installs packages and changes the root of a process")
        return 1
    install("buildah", "debootstrap")
    WORK.mkdir(parents=True, exist_ok=True)
    if not json.loads(buildah("images", "--json", "--filter", f"reference={BASE}") or "[]"):
        make_base()
    revision = output("git", "rev-parse", "HEAD")
    buildah(
        *("build", "--isolation", "chroot", "--format", "docker", "--tag", IMAGE),
        *("--build-arg", f"BASE={BASE}", "--build-arg", "LOCK=requirements-cpu.lock"),
        *("--build-arg", f"REVISION={revision}", "."),
    )
    described = json.loads(buildah("inspect", "--type", "image", IMAGE))["OCIv1"]
    container = buildah("from", IMAGE)
    try:
        root = Path(buildah("mount", container))
        rows = sizes(root)
        with mounted(root), serving(root, described["config"]) as server:
            rows.append({"what": "from start to ready", "value": f"{check(server, root):.1f} s"})
    finally:
        buildah("rm", container)
    report("image", f"Debian {SUITE}, CPU.", rows)
    return 0


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


def make_base() -> None:
    """An image of a minimal Debian, in the place of `debian:...-slim`."""
    tree = WORK / "base"
    shutil.rmtree(tree, ignore_errors=True)
    sources = Path(HOST_FILES[0]).read_text()
    archive = next(line.split()[1] for line in sources.splitlines() if line.startswith("URIs:"))
    output(
        "debootstrap", "--variant=minbase", "--include=ca-certificates", SUITE, str(tree), archive
    )
    (tree / "etc/apt/sources.list").unlink(missing_ok=True)
    for name in HOST_FILES:
        if Path(name).exists():
            shutil.copy(name, tree / name.removeprefix("/"))
    for caches in ("var/lib/apt/lists", "var/cache/apt"):
        shutil.rmtree(tree / caches, ignore_errors=True)
    container = buildah("from", "scratch")
    buildah("copy", "--quiet", container, str(tree), "/")
    buildah("commit", "--quiet", container, BASE)
    buildah("rm", container)


def sizes(root: Path) -> list[dict[str, str]]:
    """The whole file system, and its layers by the size of what they brought."""
    base = bytes_of(WORK / "base")
    parts = {
        "`COPY` of the Python packages": root / "opt/captions",
        "of these, TensorFlow": next(root.glob("opt/captions/lib/*/site-packages/tensorflow")),
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


@contextmanager
def serving(root: Path, config: dict[str, Any]) -> Iterator[Server]:
    """The entry point, with the environment of the image and nothing else."""
    if config["User"] != USER:
        raise ServerError(f"the image runs as {config['User']}")
    environment = dict(each.split("=", 1) for each in config["Env"])
    environment["CAPTION_PORT"] = port = str(free_port())
    log = WORK / "log"
    started = time.perf_counter()
    with log.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603
            command(root, "env", "-C", config["WorkingDir"], *config["Entrypoint"]),
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    server = Server(f"http://127.0.0.1:{port}", process, environment, log, started)
    try:
        yield server
        process.terminate()
        if process.wait(timeout=30):
            raise ServerError(f"it ended with {process.returncode}: {log.read_text()}")
    finally:
        process.kill()


def check(server: Server, root: Path) -> float:
    """Seconds until it was ready. Raises if it does not caption, or if its files can be changed."""
    seconds = server.wait_until_ready()
    answer = httpx.post(
        f"{server.url}/caption", files={"image": photo(500, 375)}
    ).raise_for_status()
    print(f"captioned: {answer.json()['caption']}")
    subprocess.run(  # noqa: S603
        command(root, "env", "-C", "/app", "python", "-m", "service", "health"),
        env=server.environment,
        check=True,
    )
    for path in ("/app/new", "/opt/captions/new"):
        tried = subprocess.run(command(root, "touch", path), check=False, capture_output=True)  # noqa: S603
        if tried.returncode == 0:
            raise ServerError(f"{path} could be written")
    for tool in ("pip", "gcc", "curl", "wget"):
        if any((root / folder / tool).exists() for folder in ("usr/bin", "opt/captions/bin")):
            raise ServerError(f"the image has {tool}")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
