"""The steps `audit` and `datasheet`: what an artifact gets wrong, and what its data hold.

`audit` measures an artifact, draws its plots and writes its model card anew.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from training.data.load import load_dataset

ENGINES = ("tensorflow", "openvino")
PHOTOS = 200


def add_audit_steps(steps: Any) -> None:
    """Add both steps to the command line's subparsers."""
    _add_audit(steps)
    _add_datasheet(steps)


def _add_audit(steps: Any) -> None:
    audit = steps.add_parser(
        "audit", help="what an artifact gets wrong and for whom, into its folder and its card"
    )
    audit.add_argument(
        "--artifact", type=Path, default=Path("model_artifacts"), help="folder of the artifact"
    )
    audit.add_argument(
        "--data", type=Path, default=Path("data/flickr8k"), help="folder of the data set"
    )
    audit.add_argument("--coco", type=Path, help="folder of COCO photos with labels, for objects")
    audit.add_argument(
        "--work", type=Path, default=Path("runs/audit"), help="folder where captions are kept"
    )
    audit.add_argument(
        "--engine", choices=ENGINES, default="tensorflow", help="what runs the model"
    )
    audit.add_argument(
        "--photos", type=int, default=PHOTOS, help="test photos that are disturbed and covered"
    )
    audit.add_argument(
        "--sections",
        nargs="+",
        default=[],
        metavar="SECTION",
        help="only these of people, words, objects, confidence, neutral, masks, robustness, "
        "attention",
    )
    audit.add_argument("--card", type=Path, help="template of the model card, if it is your own")
    audit.set_defaults(step=_audit)


def _audit(options: argparse.Namespace) -> None:
    from training.measure.audit.report import SECTIONS, Audit, run

    if unknown := set(options.sections) - set(SECTIONS):
        raise ValueError(
            f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}"
        )
    audit = Audit(
        load_dataset(options.data),
        options.artifact,
        options.work,
        load_dataset(options.coco) if options.coco else None,
        options.engine,
        options.photos,
    )
    run(audit, options.sections or tuple(SECTIONS))
    for path in write_findings(options.artifact, options.card):
        print(f"wrote {path}")


def _add_datasheet(steps: Any) -> None:
    counts = steps.add_parser("datasheet", help="count what data sets hold, for docs/data.md")
    counts.add_argument(
        "--sets",
        nargs="+",
        required=True,
        metavar="NAME=FOLDER",
        help="data sets by the names the document gives them",
    )
    counts.add_argument("--output", type=Path, default=Path("docs/results/data.json"))
    counts.set_defaults(step=_datasheet)


def _datasheet(options: argparse.Namespace) -> None:
    from training.measure.datasheet import datasheet

    found = {}
    for each in options.sets:
        name, equals, folder = each.partition("=")
        if not equals:
            raise ValueError(f"--sets takes NAME=FOLDER, not {each!r}")
        found[name] = datasheet(load_dataset(Path(folder)))
    options.output.write_text(json.dumps(found, indent=1) + "\n")
    print(f"wrote {options.output}")


def write_findings(folder: Path, template: Path | None = None) -> list[Path]:
    """Draw the plots and write the card of an audited artifact; returns the files."""
    from training.measure.audit.plots import draw
    from training.measure.audit.report import read_audit
    from training.release.card import write_card

    audit = read_audit(folder)
    plots = draw(audit, folder) if audit else []
    return [*plots, write_card(folder, audit, template)]
