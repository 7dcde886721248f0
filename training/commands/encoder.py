"""`distill`: weights for the encoder, from another network."""

import argparse
from pathlib import Path

from training.commands.common import Steps, add_data, add_encoder, add_run, read_data


def register(steps: "Steps[argparse.ArgumentParser]") -> None:
    distill = steps.add_parser("distill", help="teach the encoder's last stage by another network")
    distill.add_argument(
        "--teacher",
        required=True,
        help="an ONNX or OpenVINO file with maps and logits, or keras:NAME of keras.applications",
    )
    distill.add_argument("--config", type=Path, help="a TOML file; without it the defaults")
    distill.add_argument("--resume", action="store_true", help="resume a stopped run")
    add_data(distill, cache=False)
    add_encoder(distill)
    add_run(distill)
    distill.set_defaults(step=_distill)


def _distill(options: argparse.Namespace) -> None:
    from training.config import DistillConfig, load_or_default
    from training.models.encoder_spec import ENCODERS
    from training.models.teacher import load_teacher
    from training.optimize.distill import ENCODER, distill

    config = load_or_default(DistillConfig, options.config)
    dataset = read_data(options)
    teacher = load_teacher(options.teacher, config.teacher, ENCODERS[config.encoder].side)
    distill(config, dataset, teacher, options.encoder_weights, options.run, options.resume)
    print(f"wrote {options.run / ENCODER}")
