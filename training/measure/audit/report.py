"""The audit of an artifact: every check, section by section, in one JSON file beside the model."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from training.data.dataset import Dataset
from training.data.images import load_image
from training.data.ngrams import Rarity
from training.data.text import tokenize
from training.measure.artifact import Artifact, Engine, fingerprint
from training.measure.audit import References, all_joined, joined
from training.measure.audit.amplification import amplification
from training.measure.audit.answers import captions_of, known_of, told, words_of
from training.measure.audit.confidence import confidence
from training.measure.audit.copying import blocked, copying
from training.measure.audit.gender import gender
from training.measure.audit.masks import masks_cost
from training.measure.audit.neutral import neutral_cost
from training.measure.audit.occlusion import attention_and_occlusion
from training.measure.audit.robustness import Pixels, Told, odd_pictures, robustness
from training.measure.audit.subgroups import scores_by_group, subgroups
from training.measure.chair import chair
from training.measure.metrics import have_java, image_statistics
from training.provenance import provenance

AUDIT = "audit.json"
ODD_PICTURES = 50  # of each kind
ODD_SEED = 1  # other pictures than those the confidence was fitted on

Words = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Audit:
    """What the checks read; each of `SECTIONS` is a method that returns JSON."""

    dataset: Dataset
    folder: Path  # of the artifact
    work: Path  # where its captions are kept
    coco: Dataset | None = None  # photos with labels of COCO's objects
    engine: Engine = "tensorflow"
    photos: int = 200  # of the test split, that are disturbed and covered

    @cached_property
    def artifact(self) -> Artifact:
        """The model as it ships."""
        return Artifact(self.folder, self.engine)

    @cached_property
    def references(self) -> dict[str, list[list[str]]]:
        """The tokenised captions of the test photos."""
        return {name: self.dataset.tokens(name) for name in self.dataset.splits["test"]}

    @cached_property
    def coco_references(self) -> dict[str, list[list[str]]]:
        """The tokenised captions of COCO's test photos, if there are any."""
        if self.coco is None:
            return {}
        return {name: self.coco.tokens(name) for name in self.coco.splits["test"]}

    @cached_property
    def training(self) -> list[list[str]]:
        """Every caption the model was trained on, as far as the data sets hold them."""
        found: list[list[str]] = []
        for source in filter(None, (self.dataset, self.coco)):
            for name in source.splits["train"]:
                found += source.tokens(name)
            found += [words for each in source.texts if (words := tokenize(each.caption))]
        return found

    def told(
        self, split: str, coco: bool = False, artifact: Artifact | None = None
    ) -> dict[str, Told]:
        """The artifact's answers for a split of the data set, or of COCO."""
        source = self.coco if coco else self.dataset
        if source is None:
            raise ValueError("there is no folder of COCO photos to caption")
        artifact = artifact or self.artifact
        parts = (fingerprint(artifact.manifest, self.engine), self.engine, artifact.people)
        kept = self.work / f"{'-'.join(parts)}-{'coco-' if coco else ''}{split}.json"
        return captions_of(
            artifact, {name: source.files[name] for name in source.splits[split]}, kept
        )

    def cider(self, captions: Words, references: References | None = None) -> dict[str, float]:
        """CIDEr-D of each test photo's caption, times 100, rarity counted over the photos given."""
        known = references or self.references
        against = all_joined({name: known[name] for name in captions})
        scores = image_statistics(joined(captions), against, meteor=False).means["CIDEr"]
        return {name: 100 * float(score) for name, score in zip(captions, scores, strict=True)}

    def people(self) -> dict[str, Any]:
        """Gender, amplification and CIDEr by subgroup."""
        captions = words_of(self.told("test"))
        shades = {
            name: float(load_image(self.dataset.files[name]).mean()) / 255 for name in captions
        }
        return {
            "gender": gender(captions, self.references),
            "amplification": amplification(list(captions.values()), self.training),
            "subgroups": scores_by_group(self.cider(captions), subgroups(self.references, shades)),
        }

    def words(self) -> dict[str, Any]:
        """Copies of training captions on test; blocked words on test, dev and COCO's photos."""
        test = words_of(self.told("test"))
        everything = [*test.values(), *words_of(self.told("dev")).values()]
        if self.coco:
            for split in ("dev", "test"):
                everything += words_of(self.told(split, coco=True)).values()
        return {
            "copying": copying(list(test.values()), self.training),
            "copying_by_people": copying(
                [references[0] for references in self.references.values()], self.training
            ),
            "blocked": blocked(everything),
            "blocked_in_training": blocked(self.training),
        }

    def objects(self) -> dict[str, Any] | None:
        """Objects named rightly and wrongly on COCO's test photos; None without these."""
        if self.coco is None:
            return None
        captions = joined(words_of(self.told("test", coco=True)))
        labels = {name: frozenset(self.coco.labels.get(name, ())) for name in captions}
        return {
            "labels": chair(captions, labels),
            "labels_and_captions": chair(captions, labels, self.coco.captions),
        }

    def confidence(self) -> dict[str, Any] | None:
        """What the confidence is worth on test photos and odd pictures; None if there is none."""
        answers, threshold = self.told("test"), self.artifact.threshold
        known, scores = known_of(answers), self.cider(words_of(answers))
        if threshold is None or not known:
            return None
        found = confidence(known, scores, threshold) | {"threshold": threshold}
        if self.coco:
            others = self.told("test", coco=True)
            theirs = known_of(others, "coco/")
            judged = self.cider(words_of(others), self.coco_references)
            both = scores | {f"coco/{name}": score for name, score in judged.items()}
            found["coco"] = confidence(theirs, both, threshold)
            found["both"] = confidence(known | theirs, both, threshold)
        return {
            **found,
            "odd_pictures": odd_pictures(self._tell, threshold, ODD_PICTURES, ODD_SEED),
        }

    def robustness(self) -> dict[str, Any]:
        """How captions and confidences move when photos are disturbed."""
        rarity = Rarity({name: self.dataset.tokens(name) for name in self.dataset.splits["train"]})
        return robustness(self._tell, self._sample(), rarity, self.cider, self.artifact.threshold)

    def attention(self) -> dict[str, Any]:
        """Rank correlation of attention maps and occlusion maps."""
        return attention_and_occlusion(self.artifact.caption, self._sample().values())

    def masks(self) -> dict[str, Any] | None:
        """What the gender thresholds cost; None where the model has none to leave out."""
        if not self.artifact.has_thresholds:
            return None
        unmasked = Artifact(self.folder, self.engine, "unmasked")

        def cost(references: References, coco: bool) -> dict[str, Any]:
            under, without = (
                words_of(self.told("test", coco, each)) for each in (self.artifact, unmasked)
            )
            return masks_cost(under, without, references)

        found = {"flickr8k": cost(self.references, coco=False)}
        return found | ({"coco": cost(self.coco_references, coco=True)} if self.coco else {})

    def neutral(self) -> dict[str, Any] | None:
        """What people=neutral costs; None where the model lacks the option."""
        if not self.artifact.has_people:
            return None
        reworded = self.told("test", artifact=Artifact(self.folder, self.engine, "neutral"))
        return neutral_cost(
            words_of(self.told("test")), words_of(reworded), self.references, have_java()
        )

    def _tell(self, pixels: Pixels) -> list[Told]:
        return told(self.artifact, pixels)

    def _sample(self) -> dict[str, Pixels]:
        """Every n-th test photo."""
        names = self.dataset.splits["test"]
        chosen = names[:: max(1, len(names) // self.photos)][: self.photos]
        return {name: load_image(self.dataset.files[name]) for name in chosen}


SECTIONS: dict[str, Callable[[Audit], dict[str, Any] | None]] = {
    "people": Audit.people,
    "words": Audit.words,
    "objects": Audit.objects,
    "confidence": Audit.confidence,
    "neutral": Audit.neutral,
    "masks": Audit.masks,
    "robustness": Audit.robustness,
    "attention": Audit.attention,
}


def read_audit(folder: Path) -> dict[str, Any] | None:
    """The audit of the artifact in `folder`; None if there is none, or it is of another model."""
    path = folder / AUDIT
    if not path.is_file():
        return None
    audit: dict[str, Any] = json.loads(path.read_text())
    manifest = json.loads((folder / "manifest.json").read_text())
    model = audit["model"]
    return audit if model["fingerprint"] == fingerprint(manifest, model["engine"]) else None


def run(audit: Audit, sections: Sequence[str] = tuple(SECTIONS)) -> dict[str, Any]:
    """Run some sections, and write them into `audit.json` in the artifact's folder.

    Sections that are not run keep what an earlier audit of the same model found. The file is
    written after each section.
    """
    path = audit.folder / AUDIT
    model = {
        "name": audit.artifact.manifest["name"],
        "version": audit.artifact.manifest["version"],
        "fingerprint": fingerprint(audit.artifact.manifest, audit.engine),
        "engine": audit.engine,
    }
    result = read_audit(audit.folder) or {}
    for section in sections:
        print(f"audit: {section}", flush=True)
        found = SECTIONS[section](audit)
        result = {
            **result,
            "model": model,
            "photos": len(audit.references),
            section: found,
            "provenance": provenance(),
        }
        path.write_text(json.dumps(result, indent=1) + "\n")
    return result
