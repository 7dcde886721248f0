"""Sources read, checked, split where they are not, and joined to one data set."""

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.config import mistakes
from training.data.dataset import SPLITS, Dataset
from training.data.formats.detect import Format, read_source
from training.data.formats.source import DatasetError, Source, lines_of
from training.data.text import tokenize

EXCLUDE = "exclude.txt"


class SourceConfig(BaseModel):
    """One source, as a TOML file lists it under `[[sources]]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path = Field(description="folder or file; relative ones start at the TOML file's folder")
    name: str | None = Field(None, description="what its photos' names begin with; else the path's")
    format: Format | None = Field(None, description="else it is told from what is there")
    weight: float = Field(1.0, gt=0, description="how often an epoch shows each training photo")
    dev: float = Field(0.1, gt=0, lt=1, description="share of photos drawn, if no dev is given")
    test: float = Field(0.1, gt=0, lt=1, description="share of photos drawn, if no test is given")
    seed: int = Field(0, description="of what is drawn")
    allow_missing: bool = Field(False, description="leave out listed photos that are not there")


def load_dataset(*paths: Path) -> Dataset:
    """Read and check a data set of one or more sources.

    A path is a folder, a captions file, or a TOML file that lists sources. Raises DatasetError
    with file and line where something cannot be used.
    """
    configs = [config for path in paths for config in _configs(path)]
    read = [_Read.of(config, len(configs) > 1) for config in configs]
    _check_excluded(read)
    return _joined([_prepared(each) for each in read], configs)


def _configs(path: Path) -> Iterator[SourceConfig]:
    if path.suffix != ".toml":
        yield SourceConfig.model_validate({"path": path})
        return
    try:
        listed = tomllib.loads(path.read_text(encoding="utf-8")).get("sources")
        if not isinstance(listed, list) or not listed:
            raise DatasetError(f"{path}: no [[sources]] in it")
        for each in listed:
            config = SourceConfig.model_validate(each)
            yield config.model_copy(update={"path": path.parent / config.path})
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing") from error
    except (ValidationError, tomllib.TOMLDecodeError) as error:
        raise DatasetError(f"{path}: {mistakes(error)}") from error


@dataclass(frozen=True)
class _Read:
    """A source, and what its photos' names begin with in the data set."""

    config: SourceConfig
    source: Source
    start: str

    @classmethod
    def of(cls, config: SourceConfig, several: bool) -> "_Read":
        start = f"{config.name or config.path.stem}/" if several else ""
        return cls(config, read_source(config.path, config.format), start)

    @property
    def exclude(self) -> Path:
        path = self.config.path
        return (path if path.is_dir() else path.parent) / EXCLUDE

    def named(self, line: str) -> str | None:
        """The photo that a line of `exclude` names, as the source or the data set does."""
        files, captions = self.source.files, self.source.captions
        names = (line.strip(), line.strip().removeprefix(self.start))
        return next((name for name in names if name in files or name in captions), None)


def _lines_of_exclude(path: Path) -> Iterator[tuple[str, str]]:
    if path.is_file() and path.read_bytes().strip():
        yield from lines_of(path)


def _check_excluded(read: Sequence[_Read]) -> None:
    """Raises DatasetError for a line that names a photo of none of its folder's sources."""
    for path in {each.exclude for each in read}:
        beside = [each for each in read if each.exclude == path]
        for where, line in _lines_of_exclude(path):
            if not any(each.named(line) for each in beside):
                raise DatasetError(f"{where}: there is no photo {line.strip()} to leave out")


def _prepared(read: _Read) -> Dataset:
    """One source as a data set of its own."""
    config, source, start = read.config, read.source, read.start
    lines = [line for _, line in _lines_of_exclude(read.exclude)]
    left_out = _leave_out(source, config, {name for line in lines if (name := read.named(line))})
    _check(source, config.path)
    splits = _with_all_splits(source, config)
    train = splits["train"] if config.weight != 1 else ()
    return Dataset(
        files={start + name: path for name, path in source.files.items()},
        captions={start + name: tuple(group) for name, group in source.captions.items()},
        splits={split: tuple(start + name for name in splits[split]) for split in SPLITS},
        labels={start + name: labels for name, labels in source.labels.items()},
        uncaptioned=tuple(start + n for n in source.files if not source.captions.get(n)),
        texts=tuple(text._replace(photo=start + text.photo) for text in source.texts),
        weights={start + name: config.weight for name in train},
        left_out={start + name: why for name, why in left_out.items()},
    )


def _leave_out(source: Source, config: SourceConfig, excluded: Iterable[str]) -> dict[str, str]:
    """Take photos out of the source that cannot or shall not be used; why, by name."""
    why = dict.fromkeys(excluded, f"in {EXCLUDE}")
    if config.allow_missing:
        why |= {name: "not there" for name in source.captions if name not in source.files}
    if "train" in source.splits:
        listed = {name for names in source.splits.values() for name in names}
        why |= {n: "in none of the splits" for n in source.captions if n not in listed}
    for name in why:
        for held in (source.files, source.captions, source.labels):
            held.pop(name, None)
    for split, names in source.splits.items():
        source.splits[split] = [n for n in names if n not in why and source.captions.get(n) != []]
    source.captions = {name: group for name, group in source.captions.items() if group}
    source.labels = {name: each for name, each in source.labels.items() if name in source.files}
    return why


def _check(source: Source, path: Path) -> None:
    """Raises DatasetError where a photo or a caption is missing or a photo is in two splits."""
    split_of: dict[str, str] = {}
    for split, names in source.splits.items():
        for name in names:
            if name in split_of:
                raise DatasetError(
                    f"{source.places[name]}: {name} is listed in {split_of[name]} and again in "
                    f"{split}"
                )
            split_of[name] = split
    for name in split_of or source.captions:
        if not any(tokenize(caption) for caption in source.captions.get(name, ())):
            split = f" of the {split_of[name]} split" if split_of else ""
            raise DatasetError(f"{source.places[name]}: {name}{split} has no caption with a word")
    if missing := [name for name in split_of or source.captions if name not in source.files]:
        raise DatasetError(
            f"{source.places[missing[0]]}: {len(missing)} photos are not in {path}, first "
            f"{missing[0]}; put them there, or set allow_missing to leave them out"
        )


def _with_all_splits(source: Source, config: SourceConfig) -> dict[str, Sequence[str]]:
    """The given splits; what is not given is drawn, photo by photo, from train or from all.

    A photo's lot depends on its name and the seed alone, so that no training photo comes into dev
    or test when others are added to more than a few. The shares are kept only roughly.
    """
    splits: dict[str, Sequence[str]] = dict(source.splits)
    if set(SPLITS) <= splits.keys() or not source.captions:
        return {split: splits.get(split, ()) for split in SPLITS}
    listed = {name for split in ("dev", "test") for name in splits.get(split, ())}
    pool = sorted(splits.get("train") or (n for n in source.captions if n not in listed))
    drawn = sorted((_lot(config.seed, name), name) for name in pool)
    missing = {s: getattr(config, s) for s in ("dev", "test") if s not in splits}
    least = 0.0
    for others, (split, share) in zip(range(len(missing), 0, -1), missing.items(), strict=True):
        least += share
        # One photo at least, and as many are left for what is drawn after it.
        count = max(1, min(sum(lot < least for lot, _ in drawn), len(drawn) - others))
        splits[split], drawn = sorted(name for _, name in drawn[:count]), drawn[count:]
    if not drawn:
        raise DatasetError(
            f"{config.path}: {len(pool)} captioned photos are too few to draw dev and test from"
        )
    splits["train"] = sorted(name for _, name in drawn)
    return splits


def _lot(seed: int, name: str) -> float:
    """From 0 to 1, at random."""
    return int.from_bytes(sha256(f"{seed} {name}".encode()).digest()[:8]) / 2**64


def _joined(sources: Sequence[Dataset], configs: Sequence[SourceConfig]) -> Dataset:
    names = [config.name or config.path.stem for config in configs]
    if twice := {name for name in names if names.count(name) > 1}:
        raise DatasetError(f"two sources have the name {min(twice)}; give them a name each")
    joined = Dataset(
        files={name: path for each in sources for name, path in each.files.items()},
        captions={name: group for each in sources for name, group in each.captions.items()},
        splits={s: tuple(n for each in sources for n in each.splits[s]) for s in SPLITS},
        labels={name: labels for each in sources for name, labels in each.labels.items()},
        uncaptioned=tuple(name for each in sources for name in each.uncaptioned),
        texts=tuple(text for each in sources for text in each.texts),
        weights={name: weight for each in sources for name, weight in each.weights.items()},
        left_out={name: why for each in sources for name, why in each.left_out.items()},
        sources=tuple(names),
    )
    for split in SPLITS:
        if not joined.splits[split]:
            where = ", ".join(str(config.path) for config in configs)
            raise DatasetError(f"{where}: no captioned photo is in the {split} split")
    return joined
