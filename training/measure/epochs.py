"""What the dev split says of an epoch."""

from training.config import TrainConfig
from training.data.features import FeatureCache
from training.measure.evaluate import habits
from training.measure.metrics import have_java, image_statistics
from training.search.generate import Generator, SearchOptions

SAMPLES = 3  # captions shown after each epoch


def dev_scores(
    generator: Generator,
    features: FeatureCache,
    references: dict[str, list[str]],
    config: TrainConfig,
) -> dict[str, float]:
    """Scores and habits of the captions that `generator` writes for the dev split.

    Prints some of them.
    """
    options = SearchOptions(beam_size=config.dev_beam_size)
    captions = generator.captions(features, list(references), options, "dev")
    for name, caption in list(captions.items())[:SAMPLES]:
        print(f"  {name}: {caption}", flush=True)
    # METEOR takes as long as all the rest, but the CIDEr objective does not see it fall.
    meteor = config.objective == "cider" and have_java()
    scores = image_statistics(captions, references, meteor).scores()
    shown = ("CIDEr", "BLEU-4", "ROUGE-L", "METEOR")
    return {name: scores[name] for name in shown if name in scores} | habits(captions)
