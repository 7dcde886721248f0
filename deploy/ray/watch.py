"""Whether a model still works."""

import time
from collections.abc import Callable
from types import TracebackType

FAILURES = 3  # one after another, before the model is called broken
STALLED_SECONDS = 60  # of one batch, before the same


class Watch:
    """Entered for each batch, one at a time; `check` tells whether the model still answers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started: float | None = None  # when the present batch was
        self._failures = 0

    def __enter__(self) -> None:
        self._started = self._clock()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._started = None
        if error is None:
            self._failures = 0
        elif isinstance(error, Exception):  # and not cancelled
            self._failures += 1

    def check(self) -> None:
        """Raises RuntimeError if the model is broken."""
        if self._failures >= FAILURES:
            raise RuntimeError(f"the model failed {self._failures} times in a row")
        if self._started is not None and self._clock() - self._started > STALLED_SECONDS:
            raise RuntimeError(f"the model has not answered for {STALLED_SECONDS} s")
