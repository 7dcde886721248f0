"""Regenerate the tables in the documents from the files and the code they come from.

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

from docs import compared, worlds
from docs.audited import audit, data
from docs.plots import RUNS, SHIPPED, draw
from service.engine.manifest import read_manifest
from service.http.app import create_app
from service.http.examples import RECORDED
from service.http.problems import PROBLEMS
from service.settings import Settings
from training.release.findings import table

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"
OPENAPI = ROOT / "docs" / "openapi.json"
SCORES = ("BLEU-1", "BLEU-4", "METEOR", "ROUGE-L", "CIDEr")
VARIETY = (
    "beam and length penalty",
    "distinct captions",
    "words used",
    "copied from training",
    "words a caption",
)
LATENCIES = ROOT / "benchmarks" / "results" / "architectures.json"
DECODERS = {
    SHIPPED: "**adaptive attention, three runs of the CIDEr reward averaged (version 2.0.0)**",
    "attention-cider": "adaptive attention, one run of the CIDEr reward",
    "attention": "adaptive attention",
    "transformer": "Transformer",
    "soft-attention": "soft attention",
    "lstm": "pooled LSTM, as in Show and Tell",
}
FLOORS = {"neighbours": "nearest neighbours", "constant": "one caption for all"}


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def quality() -> str:
    """Ours beside what was published."""
    rows = [
        [each["system"], *(f"{each[name]:.1f}" for name in SCORES)]
        for each in read(RESULTS / "published.json")["systems"]
    ]
    ours = [
        [f"This project: {title}", *_scores(evaluation(name))] for name, title in DECODERS.items()
    ]
    return table(["system", *SCORES], [*rows[:-1], *ours, rows[-1]])


def evaluation(run: str, stem: str = "test") -> Any:
    return read(RUNS / f"{run}.json")["evaluations"][stem]


def _scores(result: Any) -> list[str]:
    return [_with_interval(result["scores"][name]) for name in SCORES]


def _with_interval(each: dict[str, Any]) -> str:
    low, high = each["interval"]
    return f"{each['score']:.1f} ({low:.1f}–{high:.1f})"


def variety() -> str:
    """What the decoders are like beside their scores."""
    rows = []
    for name in DECODERS:
        result = evaluation(name)
        rows.append([f"`{name}`", f"{result['parameters'] / 1e6:.1f} M", *_variety(result)])
    return table(["decoder", "parameters", *VARIETY], rows)


def _variety(result: Any) -> list[str]:
    """The cells under VARIETY."""
    search, each = result.get("search"), result["variety"]
    return [
        f"{search['beam_size']}, {search['length_penalty']:g}" if search else "",
        f"{each['distinct_share']:.1%}",
        str(each["vocabulary_used"]),
        f"{each['copied_from_training_share']:.1%}",
        f"{each['mean_length']:.1f}",
    ]


def architectures() -> str:
    """Every decoder beside its cost, and the floors."""
    latencies = read(LATENCIES)["milliseconds"]
    rows = []
    for name, title in (DECODERS | FLOORS).items():
        run = read(RUNS / f"{name}.json")
        result, epochs = run["evaluations"]["test"], run["epochs"]
        parameters = result.get("parameters")
        seconds = [row["train_seconds"] for row in epochs]
        rows.append(
            [
                title,
                f"{parameters / 1e6:.1f} M" if parameters else "",
                f"{sorted(seconds)[len(seconds) // 2]:.0f} s x {len(seconds)}" if seconds else "",
                f"{latencies[name]:.0f} ms" if name in latencies else "",
                *_scores(result),
            ]
        )
    return table(["decoder", "parameters", "epochs", "caption", *SCORES], rows)


def ratio() -> str:
    """What version 2.0.0 costs beside the first artifact."""
    latencies = read(LATENCIES)["milliseconds"]
    first, ours = latencies["first"], latencies[SHIPPED]
    return (
        "In the same turns the first artifact, which looked at one side only, took "
        f"{first:.0f} ms: version 2.0.0 takes {ours / first:.1f} times as long."
    )


def levers() -> str:
    """What each change gained, by paired bootstrap."""
    rows = []
    for each in read(RESULTS / "comparisons.json"):
        gains = [
            f"{gain['difference']:+.1f} ({gain['interval'][0]:+.1f} to {gain['interval'][1]:+.1f})"
            for gain in each["scores"].values()
        ]
        rows.append([each["what"], f"`{each['ours']}` less `{each['theirs']}`", *gains])
    return table(["change", "evaluations", "BLEU-4", "METEOR", "CIDEr"], rows)


def habits() -> str:
    """What the captions are like."""
    rows = []
    for run in (*DECODERS, *FLOORS):
        for stem, result in read(RUNS / f"{run}.json")["evaluations"].items():
            faults = [
                str(result["variety"][name]) for name in ("repeated_trigrams", "dangling_endings")
            ]
            rows.append([f"`{run}/{stem}`", *_variety(result), *faults])
    return table(["evaluation", *VARIETY, "repeated trigrams", "dangling endings"], rows)


def calibration() -> str:
    """How reliable the confidence is."""
    kept = read(RUNS / f"{SHIPPED}.json")["calibration"]
    fitted, measured = kept["calibration"], kept["measured"]
    rows = [
        ["AUROC", f"{measured['auroc']:.3f}"],
        [
            "calibration error (mean distance from the diagonal)",
            f"{measured['calibration_error']:.3f}",
        ],
        ["test captions that are good", f"{measured['good_share']:.1%}"],
        [
            f"of those called uncertain (confidence under {fitted['threshold']:g})",
            f"{measured['good_share_if_uncertain']:.1%}",
        ],
        ["of the others", f"{measured['good_share_if_not']:.1%}"],
        ["test photos called uncertain", f"{measured['uncertain_photos']:.1%}"],
        *(
            [
                f"pictures of {kind} called uncertain"
                if kind != "blank"
                else "blank pictures called uncertain",
                f"{share:.0%}",
            ]
            for kind, share in measured["uncertain_oddities"].items()
        ),
    ]
    return table(["what", "measured"], rows)


def tried() -> str:
    """What did not work, and what became of it."""
    rows = [
        [each["what"], ", ".join(f"{score:.1f}" for score in each["dev_cider"]), each["outcome"]]
        for each in read(RESULTS / "tried.json")
    ]
    return table(["what", "dev CIDEr after each epoch", "what came of it"], rows)


def threshold() -> str:
    manifest = read_manifest(ROOT / "model_artifacts")
    fitted = manifest.confidence or manifest.calibration
    return f"The shipped model's threshold is {fitted.threshold:g}." if fitted else ""


def latency() -> str:
    """What `make benchmark` measured of the API."""
    return _measured("latency")


def page() -> str:
    """What it measured of the page."""
    return _measured("page")


def image() -> str:
    """What `make image-test` found."""
    return _measured("image")


def scale() -> str:
    """What `python -m benchmarks.scale` measured."""
    return _measured("scale")


def _measured(name: str) -> str:
    result = read(ROOT / "benchmarks" / "results" / f"{name}.json")
    rows = [[each["what"], each["value"]] for each in result["rows"]]
    return f"{table(['what', 'measured'], rows)}\n\n{result['machine']}"


def load() -> str:
    """What `make load` measured."""
    result = read(ROOT / "benchmarks" / "results" / "load.json")
    rows = []
    for each in [{"multiple": None} | result["uncontended"], *result["rates"]]:
        multiple, answers = each["multiple"], each["answers"]
        rows.append(
            [
                f"{multiple:.1f} times" if multiple else "8 clients, one photo after another",
                f"{each['offered']:.1f}",
                f"{each['goodput']:.1f}",
                *(_quantiles(answers.get(name)) for name in ("ok", "overloaded", "live")),
                f"{min(each['megabytes'])}–{max(each['megabytes'])}",
            ]
        )
    header = ["load", "photos/s", "captions/s", "caption, ms", "refusal, ms", "`/health/live`, ms"]
    return (
        f"{table([*header, 'memory, MB'], rows)}\n\n"
        f"{result['machine']}; {result['seconds']} s each; median / 99th percentile / longest."
    )


def _quantiles(each: dict[str, float] | None) -> str:
    return f"{each['median']:.0f} / {each['p99']:.0f} / {each['max']:.0f}" if each else ""


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


def headline() -> str:
    """The best published result of this kind, the shipped model's and people's."""
    best, people = read(RESULTS / "published.json")["systems"][-2:]
    ours = worlds.scored("flickr8k", "tensorflow")
    rows = [
        [best["system"], *(f"{best[name]:.1f}" for name in SCORES)],
        [f"**this project's model {ours['version']}**", *_scores(ours)],
        [people["system"], *(f"{people[name]:.1f}" for name in SCORES)],
    ]
    return table(["system", *SCORES], rows)


def speed() -> str:
    """What `make benchmark` measured of the start, the memory and a caption with the defaults."""
    result = read(ROOT / "benchmarks" / "results" / "latency.json")
    beams = read(ROOT / "model_artifacts" / "manifest.json")["search"]["beam_size"]
    photo = [each for each in result["rows"] if f"500x375 JPEG, beam {beams}" in each["what"]]
    rows = [[each["what"], each["value"]] for each in (*result["rows"][:2], *photo[:1])]
    return f"{table(['what', 'measured'], rows)}\n\n{result['machine']}"


def answer() -> str:
    """A real answer of the service in five lines."""
    found = RECORDED["caption"]
    best, *others = found["beams"]
    caption, uncertain, text = (
        json.dumps(each) for each in (found["caption"], found["uncertain"], best["text"])
    )
    return "\n".join(
        [
            "```",
            f"$ curl -F image=@{RECORDED['photo']} -F beam_size={found['options']['beam_size']} "
            "http://localhost:8000/caption",
            f'{{"caption": {caption},',
            f' "confidence": {found["confidence"]}, "uncertain": {uncertain},',
            f' "beams": [{{"text": {text}, ...}}, ... {len(others)} more], ...}}',
            "```",
        ]
    )


def _compared(shown: Callable[[Any], str]) -> str:
    """What `make compare` measured, once it has."""
    result = compared.measured()
    return shown(result) if result else compared.MISSING


def response() -> str:
    """A real answer of the service, shortened to its best beam's first words."""
    answer = RECORDED["caption"]
    best, *others = answer["beams"]
    beam = json.dumps(best | {"words": "WORDS"}, indent=2)
    words = ", ".join(json.dumps(word) for word in best["words"][:2])
    beam = beam.replace('"WORDS"', f"[{words}, ...]").replace("\n", "\n    ")
    shown = json.dumps(answer | {"beams": "BEAMS"}, indent=2)
    shown = shown.replace('"BEAMS"', f"[\n    {beam},\n    ... {len(others)} more\n  ]")
    photo, beams = RECORDED["photo"], answer["options"]["beam_size"]
    command = f"curl -F image=@{photo} -F beam_size={beams} http://localhost:8000/caption"
    return f"```\n$ {command}\n{shown}\n```"


def everyday() -> str:
    """What the shipped model says of forty photos, beside what is there."""
    return table(["what is there", "caption"], worlds.examples())


def flickr8k() -> str:
    return table(["model", *worlds.SCORES], worlds.scores("flickr8k"))


def coco() -> str:
    return table(["model", *worlds.SCORES], worlds.scores("coco"))


def objects() -> str:
    header = ["names an object that is there", "of photos without people", "names one that is not"]
    return table(["model", *header], worlds.objects())


BLOCKS: dict[str, Callable[[], str]] = {
    "answer": answer,
    "headline": headline,
    "speed": speed,
    "response": response,
    "quality": quality,
    "variety": variety,
    "architectures": architectures,
    "ratio": ratio,
    "levers": levers,
    "habits": habits,
    "calibration": calibration,
    "threshold": threshold,
    "tried": tried,
    "latency": latency,
    "page": page,
    "memory": lambda: _measured("memory"),
    "load": load,
    "image": image,
    "scale": scale,
    "settings": settings,
    "problems": problems,
    "everyday": everyday,
    "flickr8k": flickr8k,
    "coco": coco,
    "objects": objects,
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
