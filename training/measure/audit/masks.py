"""What the gender thresholds cost: captions under their masks, and without them."""

from typing import Any

from training.measure.audit import Captions, References, all_joined, joined
from training.measure.metrics import image_statistics, paired_bootstrap


def masks_cost(masked: Captions, unmasked: Captions, references: References) -> dict[str, Any]:
    """By how much CIDEr is lower under the masks, with the paired bootstrap's interval."""
    against = all_joined(references)
    plain, under = (
        image_statistics(joined(each), against, meteor=False) for each in (unmasked, masked)
    )
    found = paired_bootstrap(plain, under)["CIDEr"]
    return {
        "cost": found["difference"],
        "interval": found["interval"],
        "changed": sum(masked[name] != unmasked[name] for name in masked),
        "of": len(masked),
    }
