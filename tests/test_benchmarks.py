"""What the load test makes of the samples it took."""

import pytest

from benchmarks.load import SETTLE_SECONDS, percentiles, summary


def sample(name: str, started: float, milliseconds: float) -> dict[str, object]:
    return {"name": name, "started": started, "milliseconds": milliseconds}


def test_only_what_was_answered_after_the_settling_and_before_the_end_counts() -> None:
    samples = [
        sample("ok", SETTLE_SECONDS - 1, 500),  # answered too soon
        sample("ok", SETTLE_SECONDS - 1, 1500),
        sample("ok", SETTLE_SECONDS + 9, 500),
        sample("ok", SETTLE_SECONDS + 9, 1500),  # answered too late
        sample("overloaded", SETTLE_SECONDS + 1, 2),
        sample("live", SETTLE_SECONDS + 1, 1),
    ]
    found = summary(samples, seconds=10)
    assert found["goodput"] == 0.2
    assert found["offered"] == 0.3
    assert {name: each["count"] for name, each in found["answers"].items()} == {
        "live": 1,
        "ok": 2,
        "overloaded": 1,
    }
    assert found["answers"]["ok"]["median"] == 1000


def test_nothing_captioned_is_a_goodput_of_nothing() -> None:
    assert summary([sample("overloaded", SETTLE_SECONDS, 2)], seconds=10)["goodput"] == 0


@pytest.mark.parametrize("count", [1, 2, 99, 1000])
def test_percentiles_are_among_the_samples_and_in_order(count: int) -> None:
    found = percentiles([float(each) for each in reversed(range(count))])
    assert found["count"] == count
    assert found["median"] <= found["p99"] <= found["max"] == count - 1
    assert found["max"] - found["p99"] <= 0.01 * count
