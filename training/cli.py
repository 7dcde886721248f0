"""The command line of the pipeline, one subcommand a step."""

import argparse
import os
import sys

from training.commands import data, encoder, measure, release, training
from training.data.formats.source import DatasetError
from training.release.audit import add_audit_steps

STEPS = """The steps, in their order:

  check       look for mistakes in your photos and captions (optional)
  distill     teach the encoder's last stage by a stronger network (optional)
  features    run the encoder over all photos, once; the slowest step without a GPU
  tag         fit the tag head, for decoders that read tags (optional)
  train       train a decoder on what the encoder saw; --start model_artifacts begins with
              the model that ships, --resume continues after a stop
  average     a run of the mean weights of runs that began together (optional)
  caption     caption photos with the run as it is (optional)
  tune        choose the search options on the dev split
  guide       instead of tune, for decoders that read tags: also how candidates are ranked
  evaluate    score the run on the test split
  calibrate   fit the confidence (optional)
  export      write the artifact: CAPTION_MODEL_DIR=FOLDER python -m service serves it
  openvino    add the artifact's form for CPUs, two to three times faster (optional)
  score       score the artifact on the test split, as it is served (optional)

  audit measures what an artifact gets wrong, datasheet describes the data; baselines,
  results and reproduce are for comparing runs and for the documents.

docs/training.md describes the formats that --data may have and what each step writes.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run a step; 2 and one line on standard error for what the user can mend."""
    options = _parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        options.step(options)
    except (DatasetError, FloatingPointError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nstopped; {_how_to_resume(options)}", file=sys.stderr)
        return 130
    return 0


def _how_to_resume(options: argparse.Namespace) -> str:
    if hasattr(options, "resume"):
        return f"the same command with --resume continues {options.run} after its last whole epoch"
    return "the same command again keeps what was finished"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description="From captioned photos to a served model.",
        epilog=STEPS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    steps = parser.add_subparsers(required=True, metavar="STEP")
    for module in (data, encoder, training, measure, release):
        module.register(steps)
    add_audit_steps(steps)
    return parser
