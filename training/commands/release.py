"""`export`, `openvino`, `score`, `results` and `reproduce`: what others see of runs."""

import argparse
from pathlib import Path

from training.commands.common import (
    Steps,
    add_artifact,
    add_data,
    add_encoder,
    add_output,
    add_results,
    add_run,
    add_runs,
    read_data,
)
from training.data.dataset import SPLITS

RECIPE = Path(__file__).parent.parent / "configs" / "recipe.toml"


def register(steps: "Steps[argparse.ArgumentParser]") -> None:
    export = steps.add_parser("export", help="write the artifact that the service loads")
    export.add_argument("--name", required=True, help="the model's name, as the API gives it")
    export.add_argument("--version", required=True, help="the model's version")
    _add_card(export)
    export.add_argument(
        "--about", type=Path, help="TOML file with what the card shall state of the data"
    )
    add_run(export)
    add_encoder(export)
    add_output(export)
    export.set_defaults(step=_export)

    openvino = steps.add_parser("openvino", help="add the form of an artifact that CPUs run, int8")
    add_artifact(openvino)
    add_data(openvino)
    openvino.set_defaults(step=_openvino)

    score = steps.add_parser("score", help="score an artifact on a split, as it is served")
    score.add_argument("--name", required=True, help="of the data, in the results")
    score.add_argument("--engine", choices=("tensorflow", "openvino"), default="tensorflow")
    score.add_argument("--split", choices=SPLITS, default="test")
    _add_card(score)
    add_artifact(score)
    add_data(score)
    add_results(score)
    score.set_defaults(step=_score)

    results = steps.add_parser("results", help="gather what the documents show of the runs")
    add_runs(results)
    add_results(results)
    results.set_defaults(step=_results)

    reproduce = steps.add_parser(
        "reproduce", help="every step from raw data to the shipped artifact, as a recipe lists them"
    )
    reproduce.add_argument("--recipe", type=Path, default=RECIPE)
    reproduce.add_argument(
        "--shipped-only", action="store_true", help="leave out what is only compared with"
    )
    add_data(reproduce)
    add_encoder(reproduce)
    add_runs(reproduce)
    add_output(reproduce)
    add_results(reproduce)
    reproduce.set_defaults(step=_reproduce)


def _add_card(step: argparse.ArgumentParser) -> None:
    step.add_argument("--card", type=Path, help="template of the model card, if it is your own")


def _openvino(options: argparse.Namespace) -> None:
    from training.release.openvino_form import write_openvino

    dataset = read_data(options)
    write_openvino(options.artifact, [dataset.files[name] for name in dataset.splits["train"]])
    print(f"wrote {options.artifact / 'openvino'}")


def _score(options: argparse.Namespace) -> None:
    from training.measure.evaluate import markdown
    from training.release.score import score_artifact

    dataset = read_data(options)
    scored = score_artifact(
        options.artifact,
        options.engine,
        dataset,
        options.split,
        options.name,
        options.results / "artifact",
        options.card,
    )
    print(markdown(scored))


def _export(options: argparse.Namespace) -> None:
    from training.release.card_facts import load_about
    from training.release.export import export

    export(
        options.run,
        options.encoder_weights,
        options.name,
        options.version,
        options.output,
        options.card,
        load_about(options.about) if options.about else None,
    )
    print(f"wrote {options.output}")


def _results(options: argparse.Namespace) -> None:
    from training.release.results import gather

    for path in gather(options.runs, options.results):
        print(f"wrote {path}")


def _reproduce(options: argparse.Namespace) -> None:
    from training.release.reproduce import Reproduction

    stages = Reproduction(
        options.recipe, read_data(options), options.encoder_weights, options.cache, options.runs
    )
    stages.run(options.output, options.results, options.shipped_only)
