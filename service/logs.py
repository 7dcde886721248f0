"""What is logged and how: lines for people, or JSON for machines."""

import logging.config
from typing import Any

from service.settings import Settings

FIELDS = "{asctime}{levelname}{name}{message}"


def configure_logging(settings: Settings) -> None:
    """Set up our loggers and Uvicorn's. No line holds anything of a photo, its name or a key."""
    logging.config.dictConfig(_config(settings.log_format, settings.log_level.upper()))


def _config(log_format: str, level: str) -> dict[str, Any]:
    text = {"format": "%(levelname)s: %(message)s [%(correlation_id)s]"}
    json = {
        "()": "pythonjsonlogger.json.JsonFormatter",
        "fmt": FIELDS,
        "style": "{",
        "rename_fields": {
            "asctime": "time",
            "levelname": "level",
            "name": "logger",
            "correlation_id": "request_id",
        },
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "request": {"()": "asgi_correlation_id.CorrelationIdFilter", "default_value": "-"}
        },
        "formatters": {"line": json if log_format == "json" else text},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "filters": ["request"],
                "formatter": "line",
            }
        },
        "root": {"handlers": ["stderr"], "level": level},
        # Uvicorn's own handlers would write each line a second time.
        "loggers": {
            name: {"handlers": [], "propagate": True, "level": level}
            for name in ("uvicorn", "uvicorn.error", "uvicorn.access")
        },
    }
