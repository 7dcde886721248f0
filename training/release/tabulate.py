"""Products that a loop of an OpenVINO model repeats become look-ups.

Each step of the search multiplies the vector of each caption's last word, a row of a table, by the
matrix that reads it. That is a row of their product, which is computed here once and for all.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def tabulate(body: Any) -> int:
    """Replace products of looked-up rows and constant matrices in the body of a loop.

    What is added to a product, such as a bias, goes into its table. Returns how many there were.
    """
    from openvino import opset13 as ops

    count = 0
    for product in body.get_ordered_ops():
        if product.get_type_name() != "MatMul" or (found := _looked_up(product)) is None:
            continue
        table, ids = found
        last, table = _with_bias(product, table)
        row = ops.gather(ops.constant(table), ids, ops.constant(0, np.int32))
        row.set_friendly_name(last.get_friendly_name())
        last.output(0).replace(row.output(0))
        count += 1
    body.validate_nodes_and_infer_types()
    return count


def _looked_up(product: Any) -> tuple[Floats, Any] | None:
    """The product of the whole table, and the output that gives the rows' numbers."""
    vectors, matrix = (each.get_source_output().get_node() for each in product.inputs())
    factor = np.float32(1)
    if vectors.get_type_name() == "Multiply":
        vectors, scale = (each.get_source_output().get_node() for each in vectors.inputs())
        if scale.get_type_name() != "Constant" or scale.data.size != 1:
            return None
        factor = scale.data.reshape(())
    if vectors.get_type_name() != "Gather" or matrix.get_type_name() != "Constant":
        return None
    table, ids, axis = (each.get_source_output() for each in vectors.inputs())
    if table.get_node().get_type_name() != "Constant" or axis.get_node().data.reshape(()) != 0:
        return None
    settings = product.get_attributes()
    kernel = matrix.data.T if settings["transpose_b"] else matrix.data
    return (table.get_node().data * factor) @ kernel, ids


def _with_bias(product: Any, table: Floats) -> tuple[Any, Floats]:
    """The last operation that the table stands for, and the table with what that adds."""
    users = [each.get_node() for each in product.output(0).get_target_inputs()]
    if len(users) != 1 or users[0].get_type_name() != "Add":
        return product, table
    for each in users[0].inputs():
        other = each.get_source_output().get_node()
        if other.get_type_name() == "Constant" and other.data.size == table.shape[1]:
            return users[0], table + other.data.reshape(1, -1)
    return product, table
