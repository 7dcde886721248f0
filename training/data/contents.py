"""Which photos have changed since they were encoded, by their contents."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path


class Contents:
    """The size, time and sha256 of each photo that was encoded, kept in a JSON file.

    A photo is read again only if its size or time has changed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: dict[str, list[str | int]] = {}
        if path.is_file():
            self._kept = json.loads(path.read_text(encoding="utf-8"))

    @property
    def digests(self) -> dict[str, str]:
        """The sha256 of each photo."""
        return {name: str(digest) for name, (_, _, digest) in self._kept.items()}

    def changed(self, files: Mapping[str, Path]) -> set[str]:
        """The photos whose content is another than it was; a new one has not changed.

        What is found is kept, so that each is told once.
        """
        found = {name: self._described(name, path) for name, path in files.items()}
        changed = {
            name
            for name, (_, _, digest) in found.items()
            if name in self._kept and self._kept[name][2] != digest
        }
        self._kept = found
        return changed

    def save(self) -> None:
        """Write the file, which another process may write at the same time."""
        new = self._path.with_suffix(f".{os.getpid()}.new")
        new.write_text(json.dumps(self._kept), encoding="utf-8")
        new.replace(self._path)

    def _described(self, name: str, path: Path) -> list[str | int]:
        status = path.stat()
        stamp: list[str | int] = [status.st_size, status.st_mtime_ns]
        kept = self._kept.get(name)
        if kept and kept[:2] == stamp:
            return kept
        return [*stamp, hashlib.sha256(path.read_bytes()).hexdigest()]
