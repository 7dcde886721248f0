"""What a run with tags has beyond others: more photos, more batches, a tag head, a reward."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from training.config import TrainConfig
from training.data.absent import absent_photos
from training.data.batches import ReadTags, TrainingData
from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.data.tags import Floats
from training.data.text import Vocabulary
from training.data.texts import TextData
from training.models.model import Model
from training.models.tagged import TaggedAttentionDecoder
from training.models.tagger import Tagger
from training.optimize.joint import JointData
from training.optimize.objects import ObjectReward
from training.optimize.run_folder import TAGGER
from training.optimize.tag_folder import TagData, load_tags


def read_tags(
    config: TrainConfig, folder: Path | None, dataset: Dataset
) -> tuple[TrainConfig, TagData | None]:
    """The tags that a run reads, and its configuration with their number.

    Raises ValueError if a decoder that reads tags gets none, another decoder gets some, or they
    are of other training photos.
    """
    reads = config.decoder.architecture == "tagged-attention"
    if reads != (folder is not None):
        what = "needs the folder of `python -m training tag`" if reads else "reads no tags"
        raise ValueError(f"the decoder {config.decoder.architecture} {what}; see --tags")
    if folder is None:
        return config, None
    tags = load_tags(folder)
    known = set(tags.photos)
    if missing := [name for name in dataset.splits["train"] if name not in known]:
        raise ValueError(
            f"{folder} has no tags of {len(missing)} training photos, first {missing[0]}; run "
            "`python -m training tag` again"
        )
    decoder = config.decoder.model_copy(update={"tags": tags.head.names.read})
    return config.model_copy(update={"decoder": decoder}), tags


def with_pseudo_captions(dataset: Dataset, config: TrainConfig, tags: TagData | None) -> Dataset:
    """The data set with photos that got captions from `tag`, if there are any."""
    return tags.with_pseudo_captions(dataset, config.pseudo_weight) if tags else dataset


def training_data(
    dataset: Dataset,
    features: FeatureCache,
    vocabulary: Vocabulary,
    config: TrainConfig,
    tags: TagData | None,
) -> JointData:
    """Batches of the training photos, and of captions without photos if the run reads some."""
    read = tags.of if tags else None
    photos = TrainingData(dataset, features, vocabulary, config, tags=read)
    if not config.texts:
        return JointData(photos, config)
    if config.objective == "cider" or not tags:
        raise ValueError(
            "captions without photos need a tagged decoder and cross-entropy; set texts to 0"
        )
    absent = absent_photos(dataset)
    if not absent or not tags.simulator:
        lacks = "captioned photos with labels" if absent else "captions without photos"
        print(f"texts = {config.texts} is left out: there are no {lacks}", flush=True)
        return JointData(photos, config)
    texts = TextData(absent, tags.head.names, vocabulary, tags.simulator, config.max_words)
    return JointData(photos, config, texts)


def new_photos(features: FeatureCache, tags: TagData | None) -> ReadTags | None:
    """Reads the tags of photos that the head was not fitted to, such as dev's."""
    return partial(_of_new, tags, features) if tags else None


def _of_new(tags: TagData, features: FeatureCache, names: Sequence[str]) -> Floats:
    return tags.of_new(features, names)


def add_tag_head(model: Model, tags: TagData | None, vocabulary: Vocabulary) -> Model:
    """The model with the tag head, whose numbers its decoder then knows."""
    if tags is None or not isinstance(model.decoder, TaggedAttentionDecoder):
        return model
    tags.head.prepare(model.decoder, vocabulary)
    return replace(model, tagger=Tagger(tags.head))


def object_reward(config: TrainConfig, dataset: Dataset) -> ObjectReward | None:
    """The reward for objects, if the configuration has one."""
    if not config.object_bonus and not config.object_penalty:
        return None
    return ObjectReward(dataset.labels, config.object_bonus, config.object_penalty)


def keep_tag_head(run: Path, tags: TagData | None) -> None:
    """Write the tag head into the folder of a run."""
    if tags:
        tags.head.save(run / TAGGER)
