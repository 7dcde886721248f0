"""What is logged and how: lines for people, or JSON for machines."""

import logging
import os
from datetime import datetime

from asgi_correlation_id import CorrelationIdFilter
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from service.settings import Settings, unknown_variables

_log = logging.getLogger("service")

# What the log records call it, and what we do.
NAMES = {
    "asctime": "time",
    "levelname": "level",
    "name": "logger",
    "correlation_id": "request_id",
}
# Uvicorn's messages once more, with the escape sequences of a terminal.
LEFT_OUT = [*RESERVED_ATTRS, "color_message"]


def configure_logging(settings: Settings) -> None:
    """Set up our loggers and Uvicorn's. No line holds anything of a photo, its name or a key."""
    handler = logging.StreamHandler()
    handler.addFilter(CorrelationIdFilter(default_value="-"))
    handler.setFormatter(
        JsonFormatter(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields=NAMES,
            reserved_attrs=LEFT_OUT,
        )
        if settings.log_format == "json"
        else logging.Formatter("%(asctime)s %(levelname)s: %(message)s [%(correlation_id)s]")
    )
    handler.formatter.formatTime = _time  # type: ignore[union-attr, method-assign]
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in unknown_variables(os.environ):
        _log.warning("there is no setting %s; is it misspelled?", name)
    # Uvicorn's own handlers would write each line a second time.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(settings.log_level.upper())


def _time(record: logging.LogRecord, datefmt: str | None = None) -> str:
    """ISO 8601 with milliseconds and the time zone."""
    return datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")
