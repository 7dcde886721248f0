"""Captions of photos by a run, before it is tuned or exported."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from training.data.images import load_image
from training.models.encoder import encode, encoder_id, load_encoder
from training.optimize.run_folder import SEARCH, encoder_of, load_run, stage_of, tuned_options
from training.search.generate import Generator, SearchOptions


def caption_photos(
    photos: Sequence[Path], run: Path, encoder_weights: str
) -> Iterator[tuple[Path, str]]:
    """Each photo with its best caption, by the tuned search if there is one.

    Raises FileNotFoundError if the run has no weights yet, ValueError for a photo that cannot be
    decoded or another encoder than the run's.
    """
    stage = stage_of(run)
    spec = encoder_of(run)
    loaded = load_run(run, encoder_id(encoder_weights, stage, spec))
    encoder = load_encoder(encoder_weights, stage, spec)
    generator = Generator(loaded.model, loaded.rules, loaded.vocabulary, loaded.both_sides)
    options = tuned_options(run) if (run / SEARCH).is_file() else SearchOptions()
    for photo in photos:
        maps = encode(encoder, load_image(photo, spec.side)[np.newaxis], loaded.both_sides).numpy()
        (beams,) = generator.beams_of(maps.astype(np.float16), options)
        yield photo, beams.best(options.length_penalty)
