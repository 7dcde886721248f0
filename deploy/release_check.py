"""Whether what is here can be released as its version: `make release-check`."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from docs.render import main as render
from service import __version__

ROOT = Path(__file__).resolve().parent.parent


def git(*arguments: str) -> str:
    return subprocess.run(  # noqa: S603
        ["git", *arguments],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def tree() -> Iterator[str]:
    if changed := git("status", "--porcelain"):
        yield f"there are changes that are not committed:\n{changed}"
    tags = git("tag", "--list", f"v{__version__}")
    if tags and git("rev-list", "-1", tags) != git("rev-parse", "HEAD"):
        yield f"{tags} exists already, elsewhere: choose the next version in service/__init__.py"


def changelog(text: str, version: str) -> Iterator[str]:
    """The newest entry must be of this version, and dated."""
    heading = re.search(r"^## (\S+) \((.*)\)$", text, re.MULTILINE)
    if heading is None or heading[1] != version:
        yield f"CHANGELOG.md does not begin with an entry for {version}"
    elif not re.fullmatch(r"\d{4}-\d\d-\d\d", heading[2]):
        yield f"CHANGELOG.md says {version} is {heading[2]}: write the date of its release"


def model(folder: Path) -> Iterator[str]:
    """The model's files must be those its manifest names."""
    files = json.loads((folder / "manifest.json").read_text())["files"]
    for name, checksum in files.items():
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != checksum:
            yield f"{name} of the model differs from its manifest"


def documents() -> Iterator[str]:
    sys.argv = ["render", "--check"]
    if render():
        yield "documents are out of date: run `make docs`"


CHECKS: tuple[Callable[[], Iterator[str]], ...] = (
    tree,
    lambda: changelog((ROOT / "CHANGELOG.md").read_text(), __version__),
    lambda: model(ROOT / "model_artifacts"),
    documents,
)


def main() -> int:
    complaints = [complaint for check in CHECKS for complaint in check()]
    for complaint in complaints:
        print(f"error: {complaint}", file=sys.stderr)
    if not complaints:
        print(f"{__version__} can be released: tag this commit v{__version__}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
