"""Three plots of an audit, for the model card."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FOLDER = "plots"  # beside the model card
OUTCOMES = {
    "right": "right",
    "neutral": "neutral wording",
    "nobody": "nobody mentioned",
    "both": "both genders",
    "wrong": "the other gender",
}
COLOURS = ("#2a7f62", "#9bc1bc", "#d9d9d9", "#e9c46a", "#c1443c")


def draw(audit: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write an SVG file a plot below `folder`; the same audit gives the same bytes.

    A plot whose section has not been run is left out.
    """
    output = folder / FOLDER
    output.mkdir(exist_ok=True)
    drawn = []
    style: dict[Any, Any] = {
        "svg.hashsalt": "captions",
        "font.size": 10,
        "axes.grid": True,
        "axes.axisbelow": True,
    }
    with mpl.rc_context(style):
        for name, (section, plot) in _PLOTS.items():
            if audit.get(section) is None:
                continue
            figure = Figure(figsize=(7, 4), layout="constrained")
            plot(figure.subplots(), audit[section])
            path = output / f"{name}.svg"
            figure.savefig(path, metadata={"Date": None})
            drawn.append(path)
    return drawn


def _gender(axes: Axes, people: Mapping[str, Any]) -> None:
    found = people["gender"]
    rows = {
        f"{'women' if truth == 'female' else 'men'}, {group}": outcomes
        for group in found["female"]
        for truth in ("female", "male")
        if (outcomes := found[truth][group])["right"]["of"]
    }
    labels = [f"{name} ({each['right']['of']})" for name, each in rows.items()]
    left = [0.0] * len(rows)
    for (outcome, label), colour in zip(OUTCOMES.items(), COLOURS, strict=True):
        widths = [100 * each[outcome]["share"] for each in rows.values()]
        axes.barh(labels, widths, left=left, color=colour, label=label)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.invert_yaxis()
    axes.set(title="What captions call women and men", xlabel="% of photos", xlim=(0, 100))
    axes.figure.legend(loc="outside lower center", ncols=5, fontsize=8)


def _subgroups(axes: Axes, people: Mapping[str, Any]) -> None:
    groups = {name: each for name, each in people["subgroups"].items() if each["of"]}
    labels = [f"{name} ({each['of']})" for name, each in groups.items()]
    means = [each["mean"] for each in groups.values()]
    errors = [
        [each["mean"] - each["interval"][0] for each in groups.values()],
        [each["interval"][1] - each["mean"] for each in groups.values()],
    ]
    axes.errorbar(means, labels, xerr=errors, fmt="o", capsize=3)
    axes.axvline(means[0], linestyle="--", color="grey")
    axes.invert_yaxis()
    axes.set(title="CIDEr by what is in the photo, 95% intervals", xlabel="CIDEr", xlim=(0, None))


def _robustness(axes: Axes, found: Mapping[str, Any]) -> None:
    labels = list(found)
    means = [each["cider"]["mean"] for each in found.values()]
    errors = [
        [each["cider"]["mean"] - each["cider"]["interval"][0] for each in found.values()],
        [each["cider"]["interval"][1] - each["cider"]["mean"] for each in found.values()],
    ]
    axes.errorbar(means, labels, xerr=errors, fmt="o", capsize=3, label="CIDEr")
    same = [100 * each["same"]["share"] for each in found.values()]
    axes.plot(same, labels, "x", color="C1", label="% with the same caption as undisturbed")
    axes.invert_yaxis()
    axes.set(title="Disturbed photos", xlim=(0, None))
    axes.legend(loc="lower right", fontsize=8)


_PLOTS: dict[str, tuple[str, Callable[[Axes, Mapping[str, Any]], None]]] = {
    "gender": ("people", _gender),
    "subgroups": ("people", _subgroups),
    "robustness": ("robustness", _robustness),
}
