from training.measure.audit.subgroups import scores_by_group, subgroups

PHOTOS = {
    "woman": ["a woman in a kitchen", "a woman cooks in a kitchen", "a lady at a stove"],
    "boy": ["a boy on a beach", "a boy on sand at the beach", "a child by the ocean"],
    "team": ["men on a field", "players on a field", "a team on the grass"],
    "dog": ["a dog in snow", "a dog in the snow", "a brown dog"],
}
REFERENCES = {name: [each.split() for each in group] for name, group in PHOTOS.items()}
BRIGHTNESS = {"woman": 0.1, "boy": 0.4, "team": 0.5, "dog": 0.9}


def test_photos_are_grouped_by_what_people_say_of_them() -> None:
    found = subgroups(REFERENCES, BRIGHTNESS)
    assert found["women"] == ["woman"]
    assert found["men"] == []
    assert found["children"] == ["boy"]
    assert found["several people"] == ["team"]
    assert found["no people"] == ["dog"]
    assert found["indoors"] == ["woman"]
    assert found["outdoors"] == ["boy", "team", "dog"]


def test_the_darkest_and_the_lightest_quarter_are_groups() -> None:
    found = subgroups(REFERENCES, BRIGHTNESS)
    assert (found["dark"], found["light"]) == (["woman"], ["dog"])


def test_every_group_gets_the_mean_of_its_photos_scores() -> None:
    scores = {"woman": 10.0, "boy": 30.0}
    found = scores_by_group(scores, {"women": ["woman"], "men": []})
    assert found["all"]["mean"] == 20.0
    assert found["women"]["mean"] == 10.0
    assert found["men"]["mean"] is None
