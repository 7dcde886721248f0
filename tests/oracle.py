"""Decoders and beam search in NumPy, slow and obvious, to check the graph's against.

Written from the papers' equations over the artifact's weights; nothing is shared with the code
it checks but the names of the weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

PAD, START, END, UNK = 0, 1, 2, 3


def sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)))


def layer_norm(x: Floats, gamma: Floats, beta: Floats) -> Floats:
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return np.asarray((x - mean) / np.sqrt(variance + 1e-3) * gamma + beta)


def log_softmax(x: Floats) -> Floats:
    shifted = x - x.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()))


@dataclass(frozen=True)
class State:
    hidden: Floats
    cell: Floats
    sentinel: Floats


class NumpyDecoder:
    """One image's decoder, an LSTM with or without attention, from weights by name."""

    def __init__(
        self, weights: Mapping[str, Any], maps: npt.ArrayLike, tags: npt.ArrayLike = ()
    ) -> None:
        self.w = {
            path.partition("/")[2]: np.asarray(value, np.float64) for path, value in weights.items()
        }
        self.attends = "energy/kernel" in self.w
        self.adapts = "sentinel_key/kernel" in self.w
        self.units = self.w["embedding"].shape[1]
        cells = np.asarray(maps, np.float64)
        image = self.norm("image_norm", self.dense("image", cells.mean(axis=0)))
        self.image_gates = image @ self.w["lstm/kernel"] + self.w["lstm/bias"]
        if "tag/kernel" in self.w:
            self.read_tags(np.asarray(tags, np.float64))
        if self.attends:
            self.cells = self.norm("cell_norm", self.dense("cell", cells)) + self.w["position"]

    def read_tags(self, tags: Floats) -> None:
        """The tags' share of the LSTM's inputs, and the evidence for each word."""
        w = self.w
        shares = np.clip(tags[: len(w["tag_prior"])], 0, 1)
        standardised = np.clip((shares - w["tag_mean"]) / w["tag_deviation"], -4, 6)
        self.image_gates = self.image_gates + self.dense(
            "tag_kernel", self.norm("tag_norm", self.dense("tag", standardised))
        )
        excess = np.append(np.log((shares + 0.02) / (w["tag_prior"] + 0.02)), 0.0)
        self.word_evidence = w["word_scale"] * excess[w["word_column"].astype(int)]
        self.object_evidence = excess[w["object_column"].astype(int)]

    def logits(self, outputs: Floats) -> Floats:
        plain = self.w["embedding"] @ outputs + self.w["output_bias"]
        if "tag/kernel" not in self.w:
            return np.asarray(plain)
        gates = np.log1p(np.exp(self.dense("gate", outputs)))
        evidence = gates[0] * self.word_evidence + gates[1] * self.object_evidence
        return np.asarray(self.w["sharpness"] * (plain + evidence))

    def dense(self, name: str, x: Floats) -> Floats:
        return np.asarray(x @ self.w[f"{name}/kernel"] + self.w.get(f"{name}/bias", 0.0))

    def norm(self, name: str, x: Floats) -> Floats:
        return layer_norm(x, self.w[f"{name}/gamma"], self.w[f"{name}/beta"])

    def start(self) -> State:
        nothing = np.zeros(self.units)
        return self.lstm(self.image_gates, State(nothing, nothing, nothing))

    def lstm(self, gates: Floats, state: State) -> State:
        gates = gates + state.hidden @ self.w["lstm/recurrent_kernel"]
        parts = np.split(gates, len(gates) // self.units)
        cell = sigmoid(parts[1]) * state.cell + sigmoid(parts[0]) * np.tanh(parts[2])
        sentinel = sigmoid(parts[4]) * np.tanh(cell) if self.adapts else np.zeros_like(cell)
        return State(sigmoid(parts[3]) * np.tanh(cell), cell, sentinel)

    def step(self, token: int, state: State) -> tuple[Floats, State, Floats]:
        """Log-probabilities [V], the new state, and attention [49]."""
        word = self.w["embedding"][token] * np.sqrt(self.units)
        gates = word @ self.w["lstm/kernel"] + self.w["lstm/bias"]
        state = self.lstm(gates + (self.image_gates if self.attends else 0.0), state)
        seen, attention = self.look(state) if self.attends else (state.hidden, np.zeros(49))
        return log_softmax(self.logits(self.dense("output", seen))), state, attention

    def look(self, state: State) -> tuple[Floats, Floats]:
        query = self.dense("query", state.hidden)
        cells = np.tanh(self.dense("key", self.cells) + query)
        if not self.adapts:
            attention = np.exp(log_softmax(self.dense("energy", cells)[:, 0]))
            return attention @ self.cells + state.hidden, attention
        sentinel = np.tanh(self.dense("sentinel_key", state.sentinel) + query)
        energies = np.append(self.dense("energy", cells), self.dense("energy", sentinel))
        weights = np.exp(log_softmax(energies))
        attention, gate = weights[:-1], weights[-1]
        return attention @ self.cells + gate * state.sentinel + state.hidden, attention


@dataclass(frozen=True)
class Hypothesis:
    tokens: tuple[int, ...]  # with <end>
    log_probs: tuple[float, ...]
    attention: tuple[Floats, ...]
    state: State

    @property
    def total(self) -> float:
        return sum(self.log_probs)

    @property
    def finished(self) -> bool:
        return bool(self.tokens) and self.tokens[-1] == END

    def score(self, length_penalty: float) -> float:
        return float(self.total / len(self.tokens) ** length_penalty)


def beam_search(
    decoder: NumpyDecoder,
    dangling: npt.NDArray[np.bool_],
    beam_size: int,
    max_length: int,
    length_penalty: float,
) -> list[Hypothesis]:
    """The best hypotheses, best first; each is complete.

    None ends on a `dangling` word [V], and none has a trigram twice.
    """
    beams = [Hypothesis((), (), (), decoder.start())]
    for _ in range(max_length + 1):
        candidates: list[Hypothesis] = []
        for beam in beams:
            if beam.finished:
                candidates.append(beam)
            else:
                forbidden = _forbidden(beam.tokens, dangling, max_length)
                candidates += _continuations(decoder, beam, beam_size, forbidden)
        beams = sorted(candidates, key=lambda each: -each.total)[:beam_size]
    return sorted(beams, key=lambda each: -each.score(length_penalty))


def _continuations(
    decoder: NumpyDecoder, beam: Hypothesis, beam_size: int, forbidden: set[int]
) -> list[Hypothesis]:
    last = beam.tokens[-1] if beam.tokens else START
    log_probs, state, attention = decoder.step(last, beam.state)
    # A beam can place no more than `beam_size` continuations among the best `beam_size`.
    ranked: list[int] = np.argsort(-log_probs, kind="stable").tolist()
    words = [word for word in ranked if word not in forbidden][:beam_size]
    return [
        Hypothesis(
            (*beam.tokens, word),
            (*beam.log_probs, float(log_probs[word])),
            (*beam.attention, attention),
            state,
        )
        for word in words
    ]


def _forbidden(
    written: tuple[int, ...], dangling: npt.NDArray[np.bool_], max_length: int
) -> set[int]:
    special, everything = {PAD, START, UNK}, set(range(len(dangling)))
    if len(written) == max_length:
        return everything - {END}
    ending_badly = set(np.flatnonzero(dangling).tolist())
    forbidden = special | (ending_badly if len(written) == max_length - 1 else set())
    if (written or (START,))[-1] in ending_badly:
        forbidden.add(END)
    trigrams = set(zip(written, written[1:], written[2:], strict=False))
    return forbidden | {
        third for first, second, third in trigrams if (first, second) == written[-2:]
    }
