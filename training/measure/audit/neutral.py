"""What neutral wording costs in every metric, and whether it is neutral."""

from typing import Any

from training.data.lexicons.people import neutral, people_lexicon
from training.measure.audit import Captions, References, all_joined, joined
from training.measure.intervals import share
from training.measure.metrics import bootstrap, image_statistics, paired_bootstrap


def neutral_cost(
    seen: Captions, reworded: Captions, references: References, meteor: bool
) -> dict[str, Any]:
    """Scores of captions with people=neutral against references in neutral wording.

    `seen` are the captions of the same photos without the option, scored against the references as
    they stand; `difference` is neutral less seen, with the paired bootstrap's interval.
    """
    gendered = people_lexicon().gendered
    plain = image_statistics(joined(seen), all_joined(references), meteor)
    in_neutral = {name: [neutral(each) for each in group] for name, group in references.items()}
    other = image_statistics(joined(reworded), all_joined(in_neutral), meteor)
    scores, intervals = other.scores(), bootstrap(other)
    return {
        "scores": {
            name: {
                "score": round(score, 2),
                "interval": [round(each, 2) for each in intervals[name]],
            }
            for name, score in scores.items()
        },
        "difference": paired_bootstrap(other, plain),
        "gendered": share(
            sum(not gendered.keys().isdisjoint(words) for words in reworded.values()), len(reworded)
        ),
    }
