"""Regenerate the tables in the documents from the files and the code they come from.

A table stands between `<!-- begin NAME -->` and `<!-- end NAME -->`. `--check` only says which
documents are out of date.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from docs import api, compared, measured, runs, worlds
from docs.audited import audit, data
from docs.files import RESULTS, ROOT, SCORES, read, score_cells
from docs.plots import draw
from service.http.app import create_app
from training.release.findings import table

OPENAPI = ROOT / "docs" / "openapi.json"


def headline() -> str:
    """The best published result of this kind, the shipped model's and people's."""
    best, people = read(RESULTS / "published.json")["systems"][-2:]
    ours = worlds.scored("flickr8k", "tensorflow")
    rows = [
        [best["system"], *(f"{best[name]:.1f}" for name in SCORES)],
        [f"**this project's model {ours['version']}**", *score_cells(ours)],
        [people["system"], *(f"{people[name]:.1f}" for name in SCORES)],
    ]
    return table(["system", *SCORES], rows)


def everyday() -> str:
    """What the shipped model says of forty photos, beside what is there."""
    return table(["what is there", "caption"], worlds.examples())


def flickr8k() -> str:
    return table(["model", *worlds.SCORES], worlds.scores("flickr8k"))


def coco() -> str:
    return table(["model", *worlds.SCORES], worlds.scores("coco"))


def objects(versions: Iterable[str] = worlds.VERSIONS) -> str:
    header = ["names an object that is there", "of photos without people", "names one that is not"]
    return table(["model", *header], worlds.objects(versions))


def _compared(shown: Callable[[Any], str]) -> str:
    """What `make compare` measured, once it has."""
    result = compared.measured()
    return shown(result) if result else compared.MISSING


BLOCKS: dict[str, Callable[[], str]] = {
    "answer": api.answer,
    "headline": headline,
    "speed": measured.speed,
    "response": api.response,
    "quality": runs.quality,
    "variety": runs.variety,
    "architectures": runs.architectures,
    "ratio": runs.ratio,
    "levers": runs.levers,
    "habits": runs.habits,
    "calibration": runs.calibration,
    "threshold": api.threshold,
    "tried": runs.tried,
    "latency": partial(measured.measured, "latency"),
    "page": partial(measured.measured, "page"),
    "memory": partial(measured.measured, "memory"),
    "load": measured.load,
    "image": partial(measured.measured, "image"),
    "scale": partial(measured.measured, "scale"),
    "settings": api.settings,
    "problems": api.problems,
    "everyday": everyday,
    "flickr8k": flickr8k,
    "coco": coco,
    "objects": objects,
    "objects_now": partial(objects, worlds.THEN_AND_NOW),
    "audit": audit,
    "data": data,
    "compare_about": lambda: _compared(compared.about),
    "compare_servers": lambda: _compared(lambda result: table(*compared.servers(result))),
    "compare_costs": lambda: _compared(lambda result: table(*compared.costs(result))),
    "compare_graphs": lambda: _compared(lambda result: table(*compared.graphs(result))),
    "compare_folders": lambda: _compared(lambda result: table(*compared.folders(result))),
}
_BLOCK = re.compile(r"(<!-- begin (\w+) -->\n).*?(<!-- end \2 -->)", re.DOTALL)


def render(text: str) -> str:
    return _BLOCK.sub(lambda found: f"{found[1]}{BLOCKS[found[2]]()}\n{found[3]}", text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = []
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        before = path.read_text(encoding="utf-8")
        if (after := render(before)) != before:
            stale.append(path.relative_to(ROOT))
            if not check:
                path.write_text(after, encoding="utf-8")
    document = json.dumps(create_app().openapi(), indent=1, ensure_ascii=False) + "\n"
    if not OPENAPI.exists() or OPENAPI.read_text(encoding="utf-8") != document:
        stale.append(OPENAPI.relative_to(ROOT))
        if not check:
            OPENAPI.write_text(document, encoding="utf-8")
    if not check:
        for path in draw():
            print(f"drew {path.relative_to(ROOT)}")
    for path in stale:
        print(f"{path} is out of date; run `make docs`" if check else f"wrote {path}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
