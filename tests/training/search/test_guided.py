import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.shapes import CELLS, FEATURES
from training.config import DecoderConfig
from training.data.text import END, PAD
from training.models.decoder import Decoder
from training.models.heads import Heads
from training.models.registry import build_decoder
from training.search.confidence import SIGNALS, ConfidenceWeights
from training.search.guided import CANDIDATES, Guide, Guided, guided_search
from training.search.neighbours import Neighbours
from training.search.ranking import Ranking, RankingWeights
from training.search.rules import Rules
from training.search.words import NEUTRAL, SEEN, Mask, PeopleWords, Thresholds

pytestmark = pytest.mark.tensorflow

WORDS, TAGS, IMAGES = 24, 3, 4
MALE, FEMALE, BLOCKED, BOY = 5, 6, 7, 8


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    keras.utils.set_random_seed(0)
    config = DecoderConfig(architecture="tagged-attention", units=8, attention_units=4, tags=TAGS)
    decoder = build_decoder(config, WORDS)
    bias = np.zeros(WORDS, np.float32)
    bias[[MALE, FEMALE, BLOCKED]] = 3.0  # it would write them if it could
    bias[BOY] = 2.0
    decoder.output_bias.assign(bias)
    return decoder


NO_EVIDENCE = RankingWeights(0.0, 0.0, 0.0, 0.0)


ADULTS = Thresholds(0.5, 0.5, 0.0, 0.0)


def guide(ranking: RankingWeights = NO_EVIDENCE, thresholds: Thresholds = ADULTS) -> Guide:
    random = np.random.default_rng(1)
    features = np.zeros(FEATURES, np.float32)
    both = np.zeros(2 * FEATURES, np.float32)
    # What lies anywhere counts, not where people are.
    weights = np.zeros((len(both), 5), np.float32)
    weights[:FEATURES] = random.normal(0, 0.1, (FEATURES, 3))[:, [0, 1, 0, 1, 2]]
    words = np.arange(8, 10, dtype=np.int32)
    ones = np.ones(len(SIGNALS), np.float32)

    def only(word: int) -> Mask:
        return np.asarray(np.arange(WORDS) == word)

    return Guide(
        Heads(features, both, both + 1, weights, np.zeros(5, np.float32)),
        Ranking(1, words, np.array([[8, 9]], np.int32), np.ones(3, np.float32), words[:1],
                np.zeros(1, np.int32), WORDS, ranking),
        Neighbours(features, np.ones((FEATURES, 1), np.float16), np.ones((1, 1), np.float16),
                   np.array([[8 * WORDS + END]], np.int32), np.ones((1, 1), np.float16),
                   np.arange(WORDS, dtype=np.int32)),
        only(BLOCKED),
        PeopleWords(only(MALE), only(FEMALE), only(BOY), only(PAD), thresholds),
        ConfidenceWeights(ones, ones, ones, 0.0),
    )  # fmt: skip


def search(
    decoder: Decoder,
    rows: slice,
    beam_size: int = 3,
    people: int = SEEN,
    using: Guide | None = None,
) -> Guided:
    random = np.random.default_rng(0)
    maps = random.normal(size=(IMAGES, CELLS, FEATURES)).astype(np.float32)
    tags = random.random((IMAGES, 1 + 2 + 1)).astype(np.float32)
    rules, use = Rules(np.zeros(WORDS, np.bool_)), using or guide()
    in_graph = tf.function(
        lambda maps, tags, size, people: guided_search(
            decoder, rules, use, maps, tags, size, tf.constant(6), tf.constant(0.7), people
        )
    )
    found: Guided = in_graph(maps[rows], tags[rows], tf.constant(beam_size), tf.constant(people))
    return found


EVERY = slice(0, IMAGES)


def test_it_gives_as_many_captions_as_asked_for_best_first(decoder: Decoder) -> None:
    found = search(decoder, EVERY, beam_size=3)
    assert found.tokens.shape == (IMAGES, 3, 7)
    assert (np.diff(found.scores.numpy(), axis=1) <= 0).all()


def test_fewer_captions_are_the_first_of_more(decoder: Decoder) -> None:
    one, ten = search(decoder, EVERY, 1), search(decoder, EVERY, CANDIDATES)
    for few, many in zip(one, ten, strict=True):
        np.testing.assert_allclose(few[:, 0], many[:, 0], atol=1e-5)


def test_an_image_gets_the_same_captions_alone_and_in_a_batch(decoder: Decoder) -> None:
    together = search(decoder, EVERY)
    for row in range(IMAGES):
        alone = search(decoder, slice(row, row + 1))
        np.testing.assert_array_equal(alone.tokens[0], together.tokens[row])
        np.testing.assert_allclose(alone.scores[0], together.scores[row], atol=1e-4)


def test_blocked_words_are_never_written(decoder: Decoder) -> None:
    assert not (search(decoder, EVERY, CANDIDATES).tokens.numpy() == BLOCKED).any()


def test_a_gender_is_written_only_where_it_is_seen(decoder: Decoder) -> None:
    tokens = search(decoder, EVERY, CANDIDATES).tokens.numpy()
    random = np.random.default_rng(0)
    maps = random.normal(size=(IMAGES, CELLS, FEATURES)).astype(np.float32)
    male = guide().heads.seen(maps).numpy()[:, 0] >= 0.5
    assert male.any()
    assert not male.all()
    assert ((tokens == MALE).any(axis=(1, 2)) == male).all()


@pytest.mark.parametrize("boy", [0.0, 2.0])
def test_a_child_is_written_where_no_adult_may_be(decoder: Decoder, boy: float) -> None:
    using = guide(thresholds=Thresholds(male=2.0, female=2.0, boy=boy, girl=0.0))
    tokens = search(decoder, EVERY, CANDIDATES, using=using).tokens.numpy()
    assert not np.isin(tokens, [MALE, FEMALE]).any()
    assert ((tokens == BOY).any(axis=(1, 2)) == (boy == 0)).all()


def test_neutral_captions_tell_no_gender(decoder: Decoder) -> None:
    tokens = search(decoder, EVERY, CANDIDATES, NEUTRAL).tokens.numpy()
    assert not np.isin(tokens, [MALE, FEMALE, BOY]).any()
    assert (tokens == END).sum(axis=-1).min() == 1


def test_evidence_decides_which_candidate_comes_first(decoder: Decoder) -> None:
    plain = search(decoder, EVERY, CANDIDATES)
    ranked = search(decoder, EVERY, CANDIDATES, using=guide(RankingWeights(50.0, 0.0, 0.0, 0.0)))
    assert (plain.tokens[:, 0].numpy() != ranked.tokens[:, 0].numpy()).any()
    assert {tuple(each) for each in plain.tokens.numpy()[0]} == {
        tuple(each) for each in ranked.tokens.numpy()[0]
    }
    holds = np.isin(ranked.tokens[:, 0], [8, 9]).any(axis=-1)
    among = np.isin(plain.tokens, [8, 9]).any(axis=(1, 2))
    np.testing.assert_array_equal(holds, among)


def test_agreement_with_similar_photos_decides_which_candidate_comes_first(
    decoder: Decoder,
) -> None:
    def ends_on_it(found: Guided) -> Mask:
        tokens = found.tokens.numpy()
        return np.asarray(((tokens[..., :-1] == 8) & (tokens[..., 1:] == END)).any(axis=-1))

    plain = search(decoder, EVERY, CANDIDATES)
    ranked = search(decoder, EVERY, CANDIDATES, using=guide(RankingWeights(0.0, 0.0, 0.0, 99.0)))
    np.testing.assert_array_equal(ends_on_it(ranked)[:, 0], ends_on_it(plain).any(axis=1))
    assert (ends_on_it(ranked)[:, 0] != ends_on_it(plain)[:, 0]).any()


def test_the_confidence_is_a_probability_for_each_caption(decoder: Decoder) -> None:
    found = search(decoder, EVERY)
    sure = found.confidence.numpy()
    assert sure.shape == (IMAGES, 3)
    assert ((sure >= 0) & (sure <= 1)).all()
