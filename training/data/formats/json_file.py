"""JSON files whose entries are checked one by one."""

import json
from pathlib import Path
from typing import Any

from training.data.formats.source import DatasetError, composed


def read_json(path: Path) -> Any:
    """Raises DatasetError with the line where a file is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing") from error
    except json.JSONDecodeError as error:
        raise DatasetError(f"{path}:{error.lineno}: not JSON: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8") from error


def entries(content: Any, key: str, where: str | Path) -> list[tuple[str, dict[str, Any]]]:
    """The objects of a list, each with its place ("x.json: images[3]"). Raises DatasetError."""
    found = content.get(key) if isinstance(content, dict) else None
    if not isinstance(found, list):
        raise DatasetError(f"{where}: a list named {key!r} is needed")
    placed = [(f"{where}: {key}[{i}]", each) for i, each in enumerate(found)]
    for place, each in placed:
        if not isinstance(each, dict):
            raise DatasetError(f"{place} must be an object, not {each!r}")
    return placed


def value(entry: dict[str, Any], key: str, kind: type | tuple[type, ...], where: str) -> Any:
    """A field of an entry, composed if it is text.

    Raises DatasetError if it is missing or of another type.
    """
    found = entry.get(key)
    if not isinstance(found, kind):
        raise DatasetError(f"{where}: {key!r} is missing or of the wrong type: {found!r}")
    return composed(found) if isinstance(found, str) else found
