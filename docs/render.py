"""Write the tables in the documents anew from the files and the code they come from.

A table stands between `<!-- begin NAME -->` and `<!-- end NAME -->`. `--check` only says which
documents are out of date.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from service.problems import PROBLEMS
from service.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"
SCORES = ("BLEU-1", "BLEU-4", "METEOR", "ROUGE-L", "CIDEr")
DECODERS = {
    "attention": "**This project: adaptive attention (the model that ships)**",
    "lstm": "This project: pooled LSTM, as in Show and Tell",
}


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def quality() -> str:
    """Ours beside what was published."""
    rows = [
        [each["system"], *(f"{each[name]:.1f}" for name in SCORES)]
        for each in read(RESULTS / "published.json")["systems"]
    ]
    ours = [
        [title, *(_with_interval(read(RESULTS / f"{name}.json")["scores"][s]) for s in SCORES)]
        for name, title in DECODERS.items()
    ]
    return table(["system", *SCORES], [*rows[:-1], *ours, rows[-1]])


def _with_interval(each: dict[str, Any]) -> str:
    low, high = each["interval"]
    return f"{each['score']:.1f} ({low:.1f}–{high:.1f})"


def variety() -> str:
    """What the decoders are like beside their scores."""
    rows = []
    for name in DECODERS:
        result = read(RESULTS / f"{name}.json")
        search, each = result["search"], result["variety"]
        rows.append(
            [
                f"`{name}`",
                f"{result['parameters'] / 1e6:.1f} M",
                f"{search['beam_size']}, {search['length_penalty']}",
                f"{each['distinct_share']:.1%}",
                str(each["vocabulary_used"]),
                f"{each['copied_from_training_share']:.1%}",
                f"{each['mean_length']:.1f}",
            ]
        )
    header = "decoder, parameters, beam and length penalty, distinct captions, words used, "
    header += "copied from training, words a caption"
    return table(header.split(", "), rows)


def latency() -> str:
    """What `make benchmark` measured."""
    result = read(ROOT / "benchmarks" / "results" / "latency.json")
    rows = [[each["what"], each["value"]] for each in result["rows"]]
    return f"{table(['what', 'measured'], rows)}\n\n{result['machine']}"


def settings() -> str:
    rows = []
    for name, field in Settings.model_fields.items():
        default = "all processors" if field.default_factory else field.default
        if isinstance(default, Path):
            default = default.name
        rows.append([f"`CAPTION_{name.upper()}`", f"`{default}`", str(field.description)])
    return table(["variable", "default", "what for"], rows)


def problems() -> str:
    rows = [[f"`{code}`", str(status), title] for code, (status, title) in PROBLEMS.items()]
    return table(["code", "status", "meaning"], rows)


def response() -> str:
    """A real answer of the service, shortened to its best beam's first words."""
    example = read(RESULTS / "response.json")
    answer = example["answer"]
    best, *others = answer["beams"]
    beam = json.dumps(best | {"words": "WORDS"}, indent=2)
    words = ", ".join(json.dumps(word) for word in best["words"][:2])
    beam = beam.replace('"WORDS"', f"[{words}, ...]").replace("\n", "\n    ")
    shown = json.dumps(answer | {"beams": "BEAMS"}, indent=2)
    shown = shown.replace('"BEAMS"', f"[\n    {beam},\n    ... {len(others)} more\n  ]")
    command = f"curl -F image=@{example['photo']} http://localhost:8000/caption"
    return f"```\n$ {command}\n{shown}\n```"


BLOCKS: dict[str, Callable[[], str]] = {
    "response": response,
    "quality": quality,
    "variety": variety,
    "latency": latency,
    "settings": settings,
    "problems": problems,
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
    for path in stale:
        print(f"{path} is out of date; run `make docs`" if check else f"wrote {path}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
