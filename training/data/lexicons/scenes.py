"""Where a photo was taken and what goes on in it, by words of captions."""

from functools import cache

from training.data.lexicons import read_lexicon


@cache
def scene_words() -> dict[str, frozenset[str]]:
    """The words of each scene of `scenes.toml`: sport, kitchen, street, water, indoor, outdoor."""
    tables = read_lexicon("scenes")
    return {
        scene: frozenset(words.split())
        for scene, words in tables.items()
        if scene != "amplification"
    }


@cache
def amplification_words() -> tuple[str, ...]:
    """Activities, places, clothes and colours whose captions may be about one gender more often."""
    return tuple(read_lexicon("scenes")["amplification"].split())
