"""Who may come in: a bounded number of requests at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

from service.problems import Problem

RETRY_AFTER_SECONDS = 1


class Admission:
    """Counts the requests being captioned or waiting for it."""

    def __init__(self, max_pending: int) -> None:
        self.max_pending = max_pending
        self.pending = 0

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Hold a place while the block runs. Raises Problem `overloaded` if there is none."""
        if self.pending >= self.max_pending:
            raise Problem(
                "overloaded",
                f"{self.max_pending} requests are waiting; try again in a moment",
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            )
        self.pending += 1
        try:
            yield
        finally:
            self.pending -= 1
