"""`tune`, `guide`, `evaluate`, `calibrate` and `baselines`: what a run is worth."""

import argparse
import json

from training.commands.common import (
    Steps,
    add_data,
    add_encoder,
    add_encoder_choice,
    add_run,
    add_runs,
    read_data,
    read_features,
)
from training.data.dataset import SPLITS


def register(steps: "Steps[argparse.ArgumentParser]") -> None:
    tune = steps.add_parser("tune", help="choose beam size and length penalty on dev")
    add_run(tune)
    tune.set_defaults(step=_tune)

    guide = steps.add_parser(
        "guide", help="fit on train and choose on dev how candidates are ranked and masked"
    )
    add_run(guide)
    guide.set_defaults(step=_guide)

    evaluate = steps.add_parser("evaluate", help="score a run on a split")
    add_run(evaluate)
    evaluate.add_argument("--split", choices=SPLITS, default="test")
    evaluate.add_argument("--variant", default="", help="name of a search other than the tuned one")
    evaluate.add_argument("--beam-size", type=int, help="of the variant")
    evaluate.add_argument("--length-penalty", type=float, help="of the variant")
    evaluate.add_argument(
        "--no-rules", action="store_true", help="let the variant repeat trigrams and dangle"
    )
    evaluate.add_argument(
        "--one-side", action="store_true", help="do not let the variant see the mirror image"
    )
    evaluate.set_defaults(step=_evaluate)

    calibrate = steps.add_parser("calibrate", help="fit the confidence on dev, measure it on test")
    add_run(calibrate)
    calibrate.set_defaults(step=_calibrate)

    baselines = steps.add_parser("baselines", help="score captions that no decoder wrote")
    add_runs(baselines)
    baselines.set_defaults(step=_baselines)

    for step in (tune, guide, evaluate, calibrate, baselines):
        add_data(step)
        add_encoder(step)
    add_encoder_choice(baselines)


def _tune(options: argparse.Namespace) -> None:
    from training.measure.tune import tune

    dataset = read_data(options)
    print(tune(dataset, read_features(dataset, options, options.run), options.run))


def _guide(options: argparse.Namespace) -> None:
    from training.measure.fit_guide import fit_guide

    dataset = read_data(options)
    features = read_features(dataset, options, options.run)
    chosen = fit_guide(dataset, features, options.encoder_weights, options.run)
    print(json.dumps({name: chosen[name] for name in ("ranking", "thresholds")}, indent=2))


def _evaluate(options: argparse.Namespace) -> None:
    from training.measure.evaluate import Variant, evaluate_run, markdown

    variant = Variant(
        options.variant,
        options.beam_size,
        options.length_penalty,
        not options.no_rules,
        not options.one_side,
    )
    if not variant.name and variant != Variant():
        raise ValueError("give the other search a name with --variant")
    dataset = read_data(options)
    features = read_features(dataset, options, options.run)
    print(markdown(evaluate_run(dataset, features, options.run, options.split, variant)))


def _calibrate(options: argparse.Namespace) -> None:
    from training.measure.calibrate import calibrate

    dataset = read_data(options)
    features = read_features(dataset, options, options.run)
    result = calibrate(dataset, features, options.encoder_weights, options.run)
    print(json.dumps(result, indent=2))


def _baselines(options: argparse.Namespace) -> None:
    from training.release.reproduce import write_baselines

    dataset = read_data(options)
    write_baselines(dataset, read_features(dataset, options), options.runs)
