from training.measure.audit.masks import masks_cost

REFERENCES = {
    "a": [["a", "man", "rides", "a", "bike"]],
    "b": [["a", "girl", "eats", "an", "apple"]],
    "c": [["two", "dogs", "run"]],
}
UNMASKED = {name: group[0] for name, group in REFERENCES.items()}


def test_masks_cost_what_the_captions_lose_by_them() -> None:
    masked = UNMASKED | {"a": ["a", "person", "rides", "a", "bike"]}
    found = masks_cost(masked, UNMASKED, REFERENCES)
    assert found["cost"] > 0
    assert found["interval"][0] <= found["cost"] <= found["interval"][1]
    assert (found["changed"], found["of"]) == (1, 3)


def test_masks_that_change_nothing_cost_nothing() -> None:
    found = masks_cost(UNMASKED, UNMASKED, REFERENCES)
    assert (found["cost"], found["interval"], found["changed"]) == (0.0, [0.0, 0.0], 0)
