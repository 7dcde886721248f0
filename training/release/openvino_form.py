"""The second form of an artifact: the same graph for CPUs, in OpenVINO's format and int8.

OpenVINO cannot read a sharded SavedModel, so the signature is frozen first. The convolutions and
the products of all cells with large matrices are quantised with photos for calibration (NNCF). The
rest (norms, tags, evidence, confidence) costs little and loses most, so it is not.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from training.data.images import load_image
from training.provenance import sha256
from training.release.tabulate import tabulate
from training.telemetry import forbid_telemetry

FOLDER, FILE = "openvino", "captioner.xml"
CALIBRATION_PHOTOS = 128
LARGE = 100_000  # elements


def write_openvino(folder: Path, photos: Sequence[Path]) -> None:
    """Write `openvino/` into an artifact folder, and its files into the manifest.

    `photos` are training photos; `CALIBRATION_PHOTOS` of them, evenly spread, calibrate the
    quantisation. Raises ImportError with what to install where OpenVINO or NNCF is missing.
    """
    forbid_telemetry()
    try:
        import nncf
        import openvino
    except ImportError as error:
        raise ImportError(f"{error}; install the extra `train`") from error
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    model = convert(folder / "captioner")
    items = list(_items(manifest, _spread(photos)))
    quantised = nncf.quantize(
        model,
        nncf.Dataset(items),
        subset_size=len(items),
        preset=nncf.QuantizationPreset.MIXED,
        ignored_scope=nncf.IgnoredScope(names=_kept(model), validate=False),
    )
    _shrink(quantised)
    (folder / FOLDER).mkdir(exist_ok=True)
    openvino.save_model(quantised, folder / FOLDER / FILE, compress_to_fp16=True)
    written = sorted((folder / FOLDER).iterdir())
    manifest["files"] |= {path.relative_to(folder).as_posix(): sha256(path) for path in written}
    manifest["engines"] = {"openvino": {"file": f"{FOLDER}/{FILE}", "precision": "int8"}}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def convert(saved_model: Path) -> Any:
    """The signature `caption` as an OpenVINO model in float32, with the signature's names.

    Products that its loops repeat are look-ups there.
    """
    forbid_telemetry()
    import openvino

    with tempfile.TemporaryDirectory() as temporary:
        frozen = Path(temporary) / "frozen.pb"
        outputs = _freeze(saved_model, frozen)
        model = openvino.convert_model(frozen)
    for operation in model.get_ops():
        for body in _bodies(operation):
            tabulate(body)
    _name_ports(model, outputs)
    return model


def _spread(photos: Sequence[Path]) -> Sequence[Path]:
    return photos[:: max(1, len(photos) // CALIBRATION_PHOTOS)][:CALIBRATION_PHOTOS]


def _freeze(saved_model: Path, output: Path) -> dict[str, str]:
    """Write the signature `caption` with its weights as constants, a GraphDef.

    Returns the outputs' names by their tensors', which is all that the graph keeps.
    """
    module = tf.saved_model.load(str(saved_model))
    frozen = convert_variables_to_constants_v2(
        module.signatures["caption"], lower_control_flow=False
    )
    graph = frozen.graph.as_graph_def()
    _cast_constants(graph)
    tf.io.write_graph(graph, str(output.parent), output.name, as_text=False)
    names = sorted(module.signatures["caption"].structured_outputs)
    return {each.name: name for each, name in zip(frozen.outputs, names, strict=True)}


def _cast_constants(graph: Any) -> None:
    """Constants of float16 that are only cast to float32 become float32: NNCF looks for those."""
    nodes = {node.name: node for node in graph.node}

    def constant(name: str) -> Any:
        node = nodes[name.partition(":")[0]]
        while node.op == "Identity":
            node = nodes[node.input[0].partition(":")[0]]
        return node if node.op == "Const" else None

    for node in graph.node:
        if node.op != "Cast" or node.attr["SrcT"].type != tf.float16.as_datatype_enum:
            continue
        if (source := constant(node.input[0])) is None:
            continue
        value = tf.make_ndarray(source.attr["value"].tensor).astype(np.float32)
        node.op = "Const"
        del node.input[:]
        node.attr.clear()
        node.attr["dtype"].type = tf.float32.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))


def _name_ports(model: Any, outputs: dict[str, str]) -> None:
    """Inputs and outputs go by the signature's names alone ("images", not "images:0")."""
    for port in model.inputs:
        port.get_tensor().set_names({name.partition(":")[0] for name in port.get_names()})
    for port in model.outputs:
        port.get_tensor().set_names({outputs[name] for name in port.get_names() & outputs.keys()})


def _kept(model: Any) -> list[str]:
    """Names of the operations that stay as they are: all but the encoder's and large products."""
    waiting = [each for each in model.get_ops() if each.get_type_name() == "Convolution"]
    quantised = set()
    while waiting:  # the convolutions and what they read
        operation = waiting.pop()
        if (name := operation.get_friendly_name()) not in quantised:
            quantised.add(name)
            waiting += [each.get_source_output().get_node() for each in operation.inputs()]
    return [
        each.get_friendly_name()
        for each in model.get_ops()
        if each.get_friendly_name() not in quantised
        and not (each.get_type_name() == "MatMul" and _is_of_cells(each))
    ]


def _is_of_cells(product: Any) -> bool:
    """Whether it multiplies vectors [B, cells, F] by a large constant matrix."""
    vectors, matrix = product.inputs()
    constant = matrix.get_source_output().get_node()
    if constant.get_type_name() != "Constant" or constant.data.size < LARGE:
        return False
    return int(vectors.get_partial_shape().rank.get_length()) > 2


def _shrink(model: Any) -> None:
    """Store the large constants that NNCF left, those of the search's loop, as int8.

    A row of a matrix has a scale of its own; the engine multiplies them out when it loads. NNCF
    does not look into loops.
    """
    from openvino import opset13 as ops

    for operation in model.get_ops():
        for body in _bodies(operation):
            _shrink(body)
        if operation.get_type_name() != "Constant":
            continue
        value = operation.data
        if value.dtype != np.float32 or value.size < LARGE or value.ndim != 2:
            continue
        scale = np.maximum(np.abs(value).max(axis=1, keepdims=True), 1e-9) / 127
        rows = ops.convert(ops.constant(np.round(value / scale).astype(np.int8)), "f32")
        stored = ops.multiply(rows, ops.constant(scale.astype(np.float32)))
        operation.output(0).replace(stored.output(0))


def _bodies(operation: Any) -> list[Any]:
    """The models inside a loop or a condition."""
    kind = operation.get_type_name()
    if kind in ("Loop", "TensorIterator"):
        return [operation.get_function()]
    return [operation.get_function(branch) for branch in (0, 1)] if kind == "If" else []


def _items(manifest: dict[str, Any], photos: Sequence[Path]) -> Iterator[dict[str, Any]]:
    search, side = manifest["search"], manifest["input"]["height"]
    for photo in photos:
        yield {
            "images": load_image(photo, side)[np.newaxis],
            "beam_size": np.int32(search["beam_size"]),
            "max_length": np.int32(search["max_length"]),
            "length_penalty": np.float32(search["length_penalty"]),
            **({"people": np.int32(0)} if "people" in search else {}),
        }
