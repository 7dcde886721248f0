"""What is logged and how: lines for people, or JSON for machines."""

import logging

from asgi_correlation_id import CorrelationIdFilter
from pythonjsonlogger.json import JsonFormatter

from service.settings import Settings

# What the log records call it, and what we do.
NAMES = {
    "asctime": "time",
    "levelname": "level",
    "name": "logger",
    "correlation_id": "request_id",
}


def configure_logging(settings: Settings) -> None:
    """Set up our loggers and Uvicorn's. No line holds anything of a photo, its name or a key."""
    handler = logging.StreamHandler()
    handler.addFilter(CorrelationIdFilter(default_value="-"))
    handler.setFormatter(
        JsonFormatter("{asctime}{levelname}{name}{message}", style="{", rename_fields=NAMES)
        if settings.log_format == "json"
        else logging.Formatter("%(levelname)s: %(message)s [%(correlation_id)s]")
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    # Uvicorn's own handlers would write each line a second time.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(settings.log_level.upper())
