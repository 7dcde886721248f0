"""Products of looked-up rows, in the body of a loop as OpenVINO holds it."""

from typing import Any

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from training.release.tabulate import tabulate

RANDOM = np.random.default_rng(0)
TABLE = RANDOM.normal(size=(9, 4)).astype(np.float32)
KERNEL = RANDOM.normal(size=(4, 6)).astype(np.float32)
BIAS = RANDOM.normal(size=(1, 6)).astype(np.float32)
IDS = np.array([3, 0, 8, 3], np.int32)


def model(transposed: bool = False, bias: bool = True, axis: int = 0) -> Any:
    """Rows of a table, times 2, times a matrix, plus a bias, plus something of the call's own."""
    ids, more = ops.parameter([-1], np.int32), ops.parameter([-1, 6], np.float32)
    table = TABLE if axis == 0 else TABLE.T
    rows = ops.gather(ops.constant(table), ids, ops.constant(axis, np.int32))
    if axis == 1:
        rows = ops.transpose(rows, ops.constant([1, 0], np.int32))
    scaled = ops.multiply(rows, ops.constant(2.0, np.float32))
    kernel = ops.constant(KERNEL.T.copy() if transposed else KERNEL)
    product = ops.matmul(scaled, kernel, False, transposed)
    if bias:
        product = ops.add(product, ops.constant(BIAS))
    return ov.Model([ops.add(product, more)], [ids, more])


def kinds(of: Any) -> list[str]:
    return [each.get_type_name() for each in of.get_ops()]


def answer(of: Any) -> Any:
    more = np.full((4, 6), 0.5, np.float32)
    return ov.compile_model(of, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([IDS, more])[0]


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_a_product_becomes_a_look_up_with_the_same_result(transposed: bool, bias: bool) -> None:
    changed = model(transposed, bias)
    before = answer(changed)
    assert tabulate(changed) == 1
    assert "MatMul" not in kinds(changed)
    assert kinds(changed).count("Add") == 1
    np.testing.assert_allclose(answer(changed), before, rtol=1e-5, atol=1e-5)


def test_other_products_stay() -> None:
    """Of what is looked up along another axis, and of what is not looked up."""
    changed = model(axis=1)
    assert tabulate(changed) == 0
    assert "MatMul" in kinds(changed)
    vectors = ops.parameter([-1, 4], np.float32)
    plain = ov.Model([ops.matmul(vectors, ops.constant(KERNEL), False, False)], [vectors])
    assert tabulate(plain) == 0
