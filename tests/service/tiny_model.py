"""An OpenVINO artifact in a folder, made of a few operations: no training, no TensorFlow."""

import json
from pathlib import Path

import numpy as np
import openvino as ov
import openvino.opset13 as ops

from tests.service.conftest import SIDE, tiny_manifest

VOCABULARY = ("<pad>", "<start>", "<end>", "<unk>", *(f"shade-{shade}" for shade in range(256)))


def tiny_graph() -> ov.Model:
    """A caption of one word, by the image's mean shade; every beam is less probable."""
    images = ops.parameter([-1, SIDE, SIDE, 3], np.uint8, name="images")
    beam_size = ops.parameter([], np.int32, name="beam_size")
    max_length = ops.parameter([], np.int32, name="max_length")
    length_penalty = ops.parameter([], np.float32, name="length_penalty")
    mean = ops.reduce_mean(ops.convert(images, "f32"), np.array([1, 2, 3]), keep_dims=False)
    word = ops.unsqueeze(ops.convert(ops.add(mean, np.float32(4.5)), "i32"), np.int32(1))
    one = ops.constant(np.array([1]), np.int32)
    batch = ops.convert(ops.gather(ops.shape_of(images), np.int32(0), np.int32(0)), "i32")
    size = ops.concat([ops.unsqueeze(batch, np.int32(0)), ops.unsqueeze(beam_size, np.int32(0))], 0)
    length = ops.unsqueeze(ops.add(max_length, np.int32(1)), np.int32(0))
    rank = ops.convert(ops.range(np.int32(0), beam_size, np.int32(1), "i32"), "f32")
    scores = ops.multiply(
        ops.broadcast(ops.negative(ops.add(rank, np.float32(1))), size),
        ops.add(ops.multiply(length_penalty, np.float32(0)), np.float32(1)),
    )
    words = ops.broadcast(ops.unsqueeze(word, np.int32(2)), ops.concat([size, one], 0))
    shape = ops.concat([size, ops.subtract(length, one)], 0)
    end = ops.broadcast(ops.constant(np.int32(2)), shape)
    tokens = ops.concat([words, end], 2)
    log_probs = ops.broadcast(
        ops.unsqueeze(ops.divide(scores, np.float32(2)), np.int32(2)),
        ops.concat([size, length], 0),
    )
    outputs = {"tokens": tokens, "token_log_probs": log_probs, "scores": scores}
    for name, node in outputs.items():
        node.output(0).tensor.set_names({name, f"{name}:0"})  # graphs of TensorFlow have both
    for parameter in (images, beam_size, max_length, length_penalty):
        name = parameter.get_friendly_name()
        parameter.output(0).tensor.set_names({name, f"Repeat/{name}"})
    return ov.Model(list(outputs.values()), [images, beam_size, max_length, length_penalty], "tiny")


def write_tiny_model(folder: Path) -> None:
    """A model folder that holds the OpenVINO form alone."""
    (folder / "openvino").mkdir()
    ov.save_model(tiny_graph(), folder / "openvino" / "captioner.xml")
    (folder / "vocabulary.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    form = {"file": "openvino/captioner.xml", "precision": "fp16"}
    manifest = tiny_manifest(engines={"openvino": form}).model_dump(mode="json")
    (folder / "manifest.json").write_text(json.dumps(manifest))
