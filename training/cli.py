"""The command line of the pipeline, one subcommand a step."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from training.dataset import SPLITS, Dataset, DatasetError, load_dataset

if TYPE_CHECKING:
    from training.features import FeatureCache


def main(arguments: list[str] | None = None) -> int:
    """Run a step; 2 and one line on standard error for what the user can mend."""
    options = _parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        options.step(options)
    except (DatasetError, FloatingPointError, OSError, ValueError) as error:
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
    train.add_argument("--start", type=Path, help="folder of the run whose weights to begin with")
    train.add_argument("--resume", action="store_true", help="go on with a stopped run")
    train.set_defaults(step=_train)

    tune = steps.add_parser("tune", help="choose beam size and length penalty on dev")
    tune.set_defaults(step=_tune)

    evaluate = steps.add_parser("evaluate", help="score a run on a split")
    evaluate.add_argument("--split", choices=SPLITS, default="test")
    evaluate.set_defaults(step=_evaluate)

    evaluate.add_argument("--variant", default="", help="name of a search other than the tuned one")
    evaluate.add_argument("--beam-size", type=int, help="of the variant")
    evaluate.add_argument("--length-penalty", type=float, help="of the variant")
    evaluate.add_argument(
        "--no-rules", action="store_true", help="let the variant repeat trigrams and dangle"
    )

    evaluate.add_argument(
        "--one-side", action="store_true", help="do not let the variant see the mirror image"
    )

    calibrate = steps.add_parser("calibrate", help="fit the confidence on dev, measure it on test")
    calibrate.set_defaults(step=_calibrate)

    baselines = steps.add_parser("baselines", help="score captions that no decoder wrote")
    baselines.set_defaults(step=_baselines)

    results = steps.add_parser("results", help="gather what the documents show of the runs")
    results.set_defaults(step=_results)

    reproduce = steps.add_parser(
        "reproduce", help="every step from raw data to the shipped artifact, as a recipe lists them"
    )
    reproduce.add_argument(
        "--recipe", type=Path, default=Path(__file__).parent / "configs" / "recipe.toml"
    )
    reproduce.add_argument(
        "--shipped-only", action="store_true", help="leave out what is only compared with"
    )
    reproduce.set_defaults(step=_reproduce)

    export = steps.add_parser("export", help="write the artifact that the service loads")
    export.add_argument("--name", required=True, help="the model's name, as the API gives it")
    export.add_argument("--version", required=True, help="the model's version")
    export.add_argument(
        "--card",
        type=Path,
        help="template of the model card; write your own for data of your own",
    )
    export.set_defaults(step=_export)

    for step in (export, reproduce):
        step.add_argument(
            "--output", type=Path, default=Path("model_artifacts"), help="folder of the artifact"
        )
    for step in (results, reproduce):
        step.add_argument(
            "--results", type=Path, default=Path("docs/results"), help="folder of the results"
        )
    for step in (baselines, results, reproduce):
        step.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs")
    for step in (features, train, tune, evaluate, calibrate, baselines, reproduce):
        step.add_argument(
            "--data", type=Path, default=Path("data/flickr8k"), help="folder of the data set"
        )
        step.add_argument(
            "--cache", type=Path, default=Path("data/features"), help="folder of feature caches"
        )
    for step in (features, train, tune, evaluate, calibrate, baselines, reproduce, export):
        step.add_argument(
            "--encoder-weights", default="imagenet", help="'imagenet' (downloads) or a file"
        )
    for step in (train, tune, evaluate, calibrate, export):
        step.add_argument("--run", type=Path, required=True, help="folder of the run")
    return parser


def _dataset(options: argparse.Namespace) -> Dataset:
    dataset = load_dataset(options.data)
    sizes = ", ".join(f"{len(names)} {split}" for split, names in dataset.splits.items())
    print(f"{options.data}: {sizes} images", flush=True)
    return dataset


def _cache(
    dataset: Dataset, options: argparse.Namespace, run: Path | None = None
) -> "FeatureCache":
    """Of the encoder as `run` has it."""
    from training.runs import features_of

    return features_of(run, dataset, options.encoder_weights, options.cache)


def _features(options: argparse.Namespace) -> None:
    _cache(_dataset(options), options)


def _train(options: argparse.Namespace) -> None:
    from training.config import load_config
    from training.train import Inputs, train, training_features

    config = load_config(options.config)
    dataset = _dataset(options)
    features = training_features(
        config, dataset, options.encoder_weights, options.cache, options.start
    )
    inputs = Inputs(dataset, features, options.encoder_weights, options.start)
    train(config, inputs, options.run, options.resume)


def _tune(options: argparse.Namespace) -> None:
    from training.tune import tune

    dataset = _dataset(options)
    print(tune(dataset, _cache(dataset, options, options.run), options.run))


def _evaluate(options: argparse.Namespace) -> None:
    from training.evaluate import Variant, evaluate_run, markdown

    variant = Variant(
        options.variant,
        options.beam_size,
        options.length_penalty,
        not options.no_rules,
        not options.one_side,
    )
    if not variant.name and variant != Variant():
        raise ValueError("give the other search a name with --variant")
    dataset = _dataset(options)
    features = _cache(dataset, options, options.run)
    print(markdown(evaluate_run(dataset, features, options.run, options.split, variant)))


def _calibrate(options: argparse.Namespace) -> None:
    from training.calibrate import calibrate

    dataset = _dataset(options)
    features = _cache(dataset, options, options.run)
    result = calibrate(dataset, features, options.encoder_weights, options.run)
    print(json.dumps(result, indent=2))


def _baselines(options: argparse.Namespace) -> None:
    from training.reproduce import write_baselines

    dataset = _dataset(options)
    write_baselines(dataset, _cache(dataset, options), options.runs)


def _results(options: argparse.Namespace) -> None:
    from training.results import gather

    for path in gather(options.runs, options.results):
        print(f"wrote {path}")


def _reproduce(options: argparse.Namespace) -> None:
    from training.reproduce import Reproduction

    stages = Reproduction(
        options.recipe, _dataset(options), options.encoder_weights, options.cache, options.runs
    )
    stages.run(options.output, options.results, options.shipped_only)


def _export(options: argparse.Namespace) -> None:
    from training.export import CARD, export

    export(
        options.run,
        options.encoder_weights,
        options.name,
        options.version,
        options.output,
        options.card or CARD,
    )
    print(f"wrote {options.output}")
