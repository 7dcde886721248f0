"""The command line of the pipeline, one subcommand a step."""

import argparse
import os
import sys
from pathlib import Path

from training.dataset import Dataset, DatasetError, load_dataset


def main(arguments: list[str] | None = None) -> int:
    """Run a step; 2 and one line on standard error for what the user can mend."""
    options = _parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        options.step(options)
    except (DatasetError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training", description="From captioned photos to a served model."
    )
    steps = parser.add_subparsers(required=True, metavar="STEP")

    features = steps.add_parser("features", help="cache the encoder's feature maps")
    features.set_defaults(step=_features)

    train = steps.add_parser("train", help="train a decoder on the cached features")
    train.add_argument("--config", type=Path, required=True, help="a TOML file")
    train.add_argument("--resume", action="store_true", help="go on with a stopped run")
    train.set_defaults(step=_train)

    for step in (features, train):
        step.add_argument(
            "--data", type=Path, default=Path("data/flickr8k"), help="folder of the data set"
        )
        step.add_argument(
            "--encoder-weights", default="imagenet", help="'imagenet' (downloads) or a file"
        )
        step.add_argument(
            "--cache", type=Path, default=Path("data/features"), help="folder of feature caches"
        )
    for step in (train,):
        step.add_argument("--run", type=Path, required=True, help="folder of the run")
    return parser


def _dataset(options: argparse.Namespace) -> Dataset:
    dataset = load_dataset(options.data)
    sizes = ", ".join(f"{len(names)} {split}" for split, names in dataset.splits.items())
    print(f"{options.data}: {sizes} images", flush=True)
    return dataset


def _features(options: argparse.Namespace) -> None:
    from training.features import cache_features

    cache_features(_dataset(options), options.encoder_weights, options.cache)


def _train(options: argparse.Namespace) -> None:
    from training.config import load_config
    from training.features import cache_features
    from training.train import train

    config = load_config(options.config)
    dataset = _dataset(options)
    features = cache_features(dataset, options.encoder_weights, options.cache)
    train(config, dataset, features, options.run, options.resume)
