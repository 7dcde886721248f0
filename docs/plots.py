"""Draw the plots of the documents from the files in docs/results/ and benchmarks/results/."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from docs import compared

DOCS = Path(__file__).resolve().parent
RUNS = DOCS / "results" / "runs"
PLOTS = DOCS / "plots"
LOAD = DOCS.parent / "benchmarks" / "results" / "load.json"
SHIPPED = "shipped"


def draw(runs: Path = RUNS, output: Path = PLOTS) -> list[Path]:
    """Write an SVG file a plot; the same results give the same bytes."""
    output.mkdir(exist_ok=True)
    mpl.rcParams.update({"svg.hashsalt": "captions", "font.size": 10, "axes.grid": True})
    results = {path.stem: json.loads(path.read_text()) for path in sorted(runs.glob("*.json"))}
    load = json.loads(LOAD.read_text())
    drawn = []
    plots: list[tuple[str, Callable[[Axes, Any], None], Any]] = [
        ("training", _training, results),
        ("search", _search, results),
        ("reliability", _reliability, results),
        ("load", _load, load),
        ("memory", _memory, load),
    ]
    if side_by_side := compared.measured():
        plots += [("compare", _compare, side_by_side), ("widths", _widths, side_by_side)]
    for name, plot, shown in plots:
        figure = Figure(figsize=(7, 4), layout="constrained")
        plot(figure.subplots(), shown)
        path = output / f"{name}.svg"
        figure.savefig(path, metadata={"Date": None})
        drawn.append(path)
    return drawn


def _compare(axes: Axes, result: dict[str, Any]) -> None:
    """Captions a second of each server against the clients."""
    for name, server in result["servers"].items():
        rates = {
            clients: server["measured"][clients]["captions_per_second"]
            for clients in compared.CLIENTS
            if clients in server["measured"]
        }
        marks = [clients.split()[0] for clients in rates]
        axes.plot(marks, list(rates.values()), marker="o", label=name)
    axes.set(xlabel="clients", ylabel="captions/s", ylim=(0, None))
    axes.legend()


def _widths(axes: Axes, result: dict[str, Any]) -> None:
    """Milliseconds of one photo against the beam's width, in each engine, and ResNet50 alone."""
    for engine in ("openvino", "tensorflow"):
        cost = {beam: result["graphs"][f"{engine}, beam {beam}, 1 photos"] for beam in (1, 3, 10)}
        axes.plot(list(cost), list(cost.values()), marker="o", label=engine)
    axes.axhline(result["graphs"]["resnet50"], linestyle=":", label="ResNet50 alone, OpenVINO")
    axes.set(xlabel="beam size", ylabel="ms for a photo", ylim=(0, None))
    axes.legend()


def _training(axes: Axes, results: dict[str, Any]) -> None:
    for name, result in results.items():
        if rows := result["epochs"]:
            # A run that goes on from another is drawn where that one was best.
            before = _best_epoch(results[result["start"]["run"]]) if result["start"] else 0
            epochs = [before + int(row["epoch"]) for row in rows]
            axes.plot(epochs, [row["dev CIDEr"] for row in rows], marker=".", label=name)
    axes.set(title="Dev CIDEr while training, beam 3", xlabel="epoch", ylabel="CIDEr")
    axes.legend()


def _best_epoch(result: dict[str, Any]) -> int:
    return int(max(result["epochs"], key=lambda row: row["dev CIDEr"])["epoch"])


def _search(axes: Axes, results: dict[str, Any]) -> None:
    rows = results[SHIPPED]["search"]["tried"]
    for penalty in sorted({row["length_penalty"] for row in rows}):
        line = [row for row in rows if row["length_penalty"] == penalty]
        beams = [row["beam_size"] for row in line]
        axes.plot(beams, [row["CIDEr"] for row in line], marker=".", label=f"{penalty:g}")
    axes.set(title="Dev CIDEr of the shipped model", xlabel="beam size", ylabel="CIDEr")
    axes.legend(title="length penalty")


def _reliability(axes: Axes, results: dict[str, Any]) -> None:
    bins = results[SHIPPED]["calibration"]["measured"]["reliability"]
    axes.plot([0, 1], [0, 1], linestyle="--", color="grey", label="as it should be")
    said, found = ([each[name] for each in bins] for name in ("confidence", "good"))
    axes.plot(said, found, marker="o", label="a tenth of the test photos each")
    axes.set(
        title="Is the confidence right?",
        xlabel="mean confidence",
        ylabel="share of captions that are good",
    )
    axes.legend()


def _load(axes: Axes, load: dict[str, Any]) -> None:
    rates = load["rates"]
    offered = [each["offered"] for each in rates]
    axes.axhline(load["uncontended"]["goodput"], linestyle="--", color="grey", label="uncontended")
    axes.plot(offered, [each["goodput"] for each in rates], marker="o", label="captions")
    axes.set(title="Photos offered and captions given", xlabel="photos a second", ylabel="a second")
    axes.set_ylim(bottom=0)
    waits = axes.twinx()
    for name, line in (("median", "-"), ("p99", ":")):
        seconds = [each["answers"]["ok"][name] / 1000 for each in rates]
        waits.plot(offered, seconds, line, color="C1", marker=".", label=f"wait, {name}")
    waits.set(ylabel="seconds", ylim=(0, None))
    waits.grid(visible=False)
    lines = [*axes.get_lines(), *waits.get_lines()]
    axes.legend(handles=lines, loc="lower right")


def _memory(axes: Axes, load: dict[str, Any]) -> None:
    second = 0
    for each in load["rates"]:
        used = each["megabytes"]
        times = range(second, second + len(used))
        axes.plot(times, used, label=f"{each['multiple']:.1f} times")
        second += len(used)
    axes.set(title="Resident memory under load", xlabel="seconds", ylabel="MB", ylim=(0, None))
    axes.margins(y=0.2)
    axes.legend(title="of what it can do", loc="lower right")
