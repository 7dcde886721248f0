from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.shapes import FEATURES
from training.config import DecoderConfig
from training.data.features import FeatureCache
from training.data.text import END, SPECIAL_WORDS, Vocabulary
from training.models.decoder import Decoder
from training.models.model import Model
from training.models.registry import build_decoder
from training.search import generate
from training.search.beam import beam_search
from training.search.generate import Beams, Generator, SearchOptions
from training.search.rules import no_rules

pytestmark = pytest.mark.tensorflow

VOCABULARY = Vocabulary((*SPECIAL_WORDS, *(f"word{i}" for i in range(16))))
RULES = no_rules(len(VOCABULARY))
OPTIONS = SearchOptions(beam_size=4, max_length=6, length_penalty=0.7)


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny collection's six photos make a whole group and a half."""
    monkeypatch.setattr(generate, "BATCH", 4)


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    """Random weights, large enough that captions differ in length and between photos."""
    keras.utils.set_random_seed(1)
    config = DecoderConfig(architecture="attention", units=16, attention_units=8)
    decoder = build_decoder(config, len(VOCABULARY))
    decoder.embedding.assign(3 * decoder.embedding)
    decoder.output_bias.assign(2 * tf.one_hot(END, len(VOCABULARY)))
    return decoder


@pytest.fixture
def features(features: FeatureCache) -> FeatureCache:
    """Maps that stay different when they are pooled."""
    random = np.random.default_rng(0)
    maps = random.normal(0, 3, features.maps.shape) + random.normal(0, 3, (6, 1, 1, FEATURES))
    return FeatureCache(maps.astype(np.float16), features.rows, features.encoder)


@pytest.fixture(scope="module")
def generator(decoder: Decoder) -> Generator:
    return Generator(Model(decoder), RULES, VOCABULARY)


def all_beams(
    generator: Generator, features: FeatureCache, options: SearchOptions = OPTIONS
) -> dict[str, Beams]:
    return dict(generator.beams(features, list(features.rows), options, "test"))


@pytest.mark.parametrize("penalty", [0.0, 0.7, 2.0])
def test_a_caption_is_the_one_the_search_ranks_first(
    generator: Generator, decoder: Decoder, features: FeatureCache, penalty: float
) -> None:
    options = SearchOptions(beam_size=4, max_length=6, length_penalty=penalty)
    captions = generator.captions(features, list(features.rows), options, "test")
    assert list(captions) == list(features.rows)
    for name, caption in captions.items():
        maps = tf.cast(features.read([name], [False]), tf.float32)
        found = beam_search(decoder, RULES, maps, 4, 6, penalty)
        assert caption == " ".join(VOCABULARY.decode(found.tokens[0, 0].numpy().tolist()))


def test_beams_can_be_ranked_by_a_penalty_they_were_not_searched_with(
    generator: Generator, features: FeatureCache
) -> None:
    found = all_beams(generator, features)
    ranked = {}
    for penalty in (0.0, 2.0):
        options = SearchOptions(beam_size=4, max_length=6, length_penalty=penalty)
        ranked[penalty] = generator.captions(features, list(features.rows), options, "test")
        assert {name: beams.best(penalty) for name, beams in found.items()} == ranked[penalty]
    assert ranked[0.0] != ranked[2.0]


def test_a_length_counts_the_words_and_the_end(
    generator: Generator, features: FeatureCache
) -> None:
    lengths = set()
    for beams in all_beams(generator, features).values():
        assert [len(caption.split()) + 1 for caption in beams.captions] == beams.lengths.tolist()
        assert (beams.log_probs < 0).all()
        lengths |= set(beams.lengths.tolist())
    assert len(lengths) > 1


def test_captions_hold_no_special_words(generator: Generator, features: FeatureCache) -> None:
    for beams in all_beams(generator, features).values():
        assert not set(" ".join(beams.captions).split()) & set(SPECIAL_WORDS)


def test_groups_do_not_matter(
    generator: Generator, features: FeatureCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    grouped = all_beams(generator, features)
    monkeypatch.setattr(generate, "BATCH", 50)
    together = all_beams(generator, features)
    assert list(grouped) == list(together)
    for name, beams in grouped.items():
        assert beams.captions == together[name].captions
        np.testing.assert_allclose(beams.log_probs, together[name].log_probs, atol=1e-4)


def test_photos_are_captioned_as_they_are_and_not_mirrored(
    generator: Generator, features: FeatureCache
) -> None:
    before = all_beams(generator, features)
    features.maps[:, 1] = np.nan
    after = all_beams(generator, features)
    assert {name: beams.captions for name, beams in before.items()} == {
        name: beams.captions for name, beams in after.items()
    }
    assert all(np.isfinite(beams.log_probs).all() for beams in after.values())


def test_different_photos_get_different_captions(
    generator: Generator, features: FeatureCache
) -> None:
    captions = generator.captions(features, list(features.rows), OPTIONS, "test")
    assert len(set(captions.values())) > 1


def test_no_photos_make_no_captions(generator: Generator, features: FeatureCache) -> None:
    assert generator.captions(features, [], OPTIONS, "test") == {}


def test_one_trace_serves_groups_and_options(generator: Generator, features: FeatureCache) -> None:
    all_beams(generator, features)
    all_beams(generator, features, SearchOptions(beam_size=2, max_length=3, length_penalty=0.0))
    search: Any = generator._search
    assert search.experimental_get_tracing_count() == 1


def test_a_generator_may_look_at_both_sides(decoder: Decoder, features: FeatureCache) -> None:
    names = list(features.rows)
    found = Generator(Model(decoder), RULES, VOCABULARY, both_sides=True)
    captions = found.captions(features, names, OPTIONS, "test")
    mean = features.read_both_sides(names)
    both = FeatureCache(np.stack([mean, mean], axis=1), features.rows, features.encoder)
    generator = Generator(Model(decoder), RULES, VOCABULARY)
    assert captions == generator.captions(both, names, OPTIONS, "test")
    assert captions != generator.captions(features, names, OPTIONS, "test")
