"""Tables of the runs that were trained on Flickr8k alone."""

from typing import Any

from docs.files import MEASURED, RESULTS, SCORES, read, score_cells
from docs.plots import RUNS, SHIPPED
from training.release.findings import table

VARIETY = (
    "beam and length penalty",
    "distinct captions",
    "words used",
    "copied from training",
    "words a caption",
)
LATENCIES = MEASURED / "architectures.json"
DECODERS = {
    SHIPPED: "**adaptive attention, three runs of the CIDEr reward averaged (version 2.0.0)**",
    "attention-cider": "adaptive attention, one run of the CIDEr reward",
    "attention": "adaptive attention",
    "transformer": "Transformer",
    "soft-attention": "soft attention",
    "lstm": "pooled LSTM, as in Show and Tell",
}
FLOORS = {"neighbours": "nearest neighbours", "constant": "one caption for all"}


def quality() -> str:
    """Ours beside what was published."""
    rows = [
        [each["system"], *(f"{each[name]:.1f}" for name in SCORES)]
        for each in read(RESULTS / "published.json")["systems"]
    ]
    ours = [
        [f"This project: {title}", *score_cells(evaluation(name))]
        for name, title in DECODERS.items()
    ]
    return table(["system", *SCORES], [*rows[:-1], *ours, rows[-1]])


def evaluation(run: str, stem: str = "test") -> Any:
    return read(RUNS / f"{run}.json")["evaluations"][stem]


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
                *score_cells(result),
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
