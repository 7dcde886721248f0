"""An exported artifact as a function from pixels to captions, for what is measured as it ships."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from math import exp, log
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from training.data.text import END, Vocabulary
from training.telemetry import forbid_telemetry

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Engine = Literal["tensorflow", "openvino"]
Signature = Callable[[dict[str, Any]], dict[str, npt.NDArray[Any]]]

PEOPLE = ("seen", "neutral", "unmasked")  # the values 0, 1 and 2 of the input `people`


@dataclass(frozen=True, eq=False)
class Answer:
    """What the artifact says of one image, the best caption first."""

    beams: list[list[str]]  # words of each caption
    token_log_probs: list[Floats]  # [words + 1] of each caption, its end included
    attention: Floats | None  # [words + 1, rows, columns] of the best caption
    confidence: float | None  # of the best caption; None where the artifact has none

    @property
    def caption(self) -> str:
        """The best caption, words joined by spaces, as the metrics want it."""
        return " ".join(self.beams[0])


class Artifact:
    """`caption` of a folder that `python -m training export` wrote, with its tuned search."""

    def __init__(self, folder: Path, engine: Engine = "tensorflow", people: str = "seen") -> None:
        """Load the model. Raises FileNotFoundError, and ValueError where it lacks an option."""
        self.manifest = json.loads((folder / "manifest.json").read_text())
        self._vocabulary = Vocabulary.load(folder / "vocabulary.txt")
        if engine not in ("tensorflow", *self.manifest.get("engines", {})):
            raise ValueError(
                f"{folder} has no form for {engine}; run `python -m training {engine}` first"
            )
        self._signature, inputs = _ENGINES[engine](folder)
        search = self.manifest["search"]
        self._options: dict[str, Any] = {
            "beam_size": np.int32(search["beam_size"]),
            "max_length": np.int32(search["max_length"]),
            "length_penalty": np.float32(search["length_penalty"]),
        }
        self.people = people
        self.has_people = "people" in inputs
        # Artifacts before 3.3.0 take 2 for "seen".
        if people == "unmasked" and not self.has_thresholds:
            raise ValueError(f"the model in {folder} cannot leave its gender thresholds out")
        if self.has_people:
            self._options["people"] = np.int32(PEOPLE.index(people))
        elif people != "seen":
            raise ValueError(f"the model in {folder} has no option people={people}")

    @property
    def has_thresholds(self) -> bool:
        """Whether it masks gendered words by thresholds that can be left out."""
        return "gender_thresholds" in self.manifest

    @property
    def threshold(self) -> float | None:
        """The confidence under which a caption is called uncertain."""
        described = self.manifest.get("confidence") or self.manifest.get("calibration")
        return float(described["threshold"]) if described else None

    def caption(self, pixels: Pixels) -> list[Answer]:
        """Answers for RGB pixels uint8 [B, 224, 224, 3]."""
        found = self._signature({"images": pixels, **self._options})
        return [
            self._answer({name: each[row] for name, each in found.items()})
            for row in range(len(pixels))
        ]

    def _answer(self, found: Mapping[str, npt.NDArray[Any]]) -> Answer:
        lengths = [int(np.argmax(tokens == END)) for tokens in found["tokens"]]
        log_probs = [
            each[: length + 1]
            for each, length in zip(found["token_log_probs"], lengths, strict=True)
        ]
        attention = found["attention"][0, : lengths[0] + 1] if "attention" in found else None
        return Answer(
            [self._vocabulary.decode(tokens) for tokens in found["tokens"].tolist()],
            log_probs,
            attention,
            self._confidence(found, log_probs[0], attention),
        )

    def _confidence(
        self, found: Mapping[str, npt.NDArray[Any]], log_probs: Floats, attention: Floats | None
    ) -> float | None:
        """The artifact's own, or the manifest's formula for artifacts before 3.0.0."""
        if "confidence" in found:
            return float(found["confidence"][0])
        if (fitted := self.manifest.get("calibration")) is None:
            return None
        focus = log(attention.max() * attention[0].size) if attention is not None else 0.0
        return 1 / (
            1
            + exp(
                -fitted["intercept"]
                - fitted["log_prob_weight"] * float(log_probs.mean())
                - fitted["focus_weight"] * max(0.0, fitted["focus_knee"] - focus)
            )
        )


def fingerprint(manifest: Mapping[str, Any], engine: Engine) -> str:
    """Names a model by the engine's files, vocabulary and search; other engines' do not matter."""
    folder = "captioner/" if engine == "tensorflow" else f"{engine}/"
    files = {
        name: digest
        for name, digest in manifest["files"].items()
        if name.startswith(folder) or name == "vocabulary.txt"
    }
    described = json.dumps([files, manifest["search"]], sort_keys=True)
    return hashlib.sha256(described.encode()).hexdigest()[:16]


def _tensorflow(folder: Path) -> tuple[Signature, set[str]]:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder / "captioner"))
    caption = loaded.signatures["caption"]

    def call(inputs: dict[str, Any]) -> dict[str, npt.NDArray[Any]]:
        found = caption(**{name: tf.constant(each) for name, each in inputs.items()})
        return {name: each.numpy() for name, each in found.items()}

    call.__dict__["loaded"] = loaded  # its variables live as long as it does
    return call, set(caption.structured_input_signature[1])


# With the default it computes in bfloat16 where the processor has it.
_PRECISE = {"INFERENCE_PRECISION_HINT": "f32"}


def _openvino(folder: Path) -> tuple[Signature, set[str]]:
    path = folder / "openvino" / "captioner.xml"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; use --engine tensorflow")
    forbid_telemetry()
    model = import_module("openvino").Core().compile_model(path, "CPU", _PRECISE)
    names = {name for each in model.inputs for name in each.names}

    def call(inputs: dict[str, Any]) -> dict[str, npt.NDArray[Any]]:
        found = model({name: np.asarray(each) for name, each in inputs.items()})
        return {name: found[each] for each in model.outputs for name in each.names}

    return call, names


_ENGINES: dict[Engine, Callable[[Path], tuple[Signature, set[str]]]] = {
    "tensorflow": _tensorflow,
    "openvino": _openvino,
}
