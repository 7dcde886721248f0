"""`check` and `features`: what is done with photos before anything is trained."""

import argparse
import json
from pathlib import Path

from training.commands.common import (
    Steps,
    add_data,
    add_encoder,
    add_encoder_choice,
    read_data,
    read_features,
)


def register(steps: "Steps[argparse.ArgumentParser]") -> None:
    check = steps.add_parser("check", help="look for mistakes in the data, draw a contact sheet")
    check.add_argument("data", type=Path, nargs="+", help="as --data of the other steps")
    check.add_argument(
        "--sheet", type=Path, default=Path("check.png"), help="PNG of some photos with a caption"
    )
    check.add_argument("--report", type=Path, help="JSON file for all that was found")
    check.add_argument("--min-count", type=int, default=5, help="as in the configuration")
    check.add_argument("--max-words", type=int, default=22, help="as in the configuration")
    check.set_defaults(step=_check)

    features = steps.add_parser("features", help="run the encoder over all photos, once")
    add_data(features)
    add_encoder(features)
    add_encoder_choice(features)
    features.set_defaults(step=_features)


def _check(options: argparse.Namespace) -> None:
    from training.data.check import check, text
    from training.data.contact_sheet import contact_sheet

    dataset = read_data(options)
    report = check(dataset, options.min_count, options.max_words)
    print(text(report))
    if options.report:
        options.report.write_text(json.dumps(report.as_json(), indent=1) + "\n")
    contact_sheet(dataset, options.sheet)
    print(f"wrote {options.sheet}")
    if report.broken:
        raise ValueError(f"{len(report.broken)} photos cannot be decoded")


def _features(options: argparse.Namespace) -> None:
    read_features(read_data(options), options)
