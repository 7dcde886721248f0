"""Every setting of the service, read once from environment variables named CAPTION_*."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.access import read_keys

BUNDLED_MODEL = Path(__file__).resolve().parent.parent / "model_artifacts"


def processors() -> int:
    """How many processors this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Settings(BaseSettings):
    """Each field's description says why one would change it."""

    model_config = SettingsConfigDict(env_prefix="CAPTION_", frozen=True)

    host: str = Field(
        "127.0.0.1",
        description="Address to listen on. Only this machine by default; 0.0.0.0 in a container.",
    )
    port: int = Field(8000, ge=1, le=65535, description="TCP port to listen on.")
    model_dir: Path = Field(
        BUNDLED_MODEL,
        description="Folder of the model to serve, as `python -m training export` writes it.",
    )
    max_bytes: int = Field(
        10_000_000,
        ge=1,
        description="Largest image file accepted, in bytes. Bounds the memory of an upload.",
    )
    max_pixels: int = Field(
        50_000_000,
        ge=1,
        description="Most pixels accepted, read from the file's header before anything is "
        "decoded. Bounds the memory of a small file that unpacks to a huge picture.",
    )
    max_pending: int = Field(
        32,
        ge=1,
        description="Requests captioned or waiting at a time; further ones are told to come back "
        "later. Keeps the wait of those accepted short.",
    )
    deadline_seconds: float = Field(
        10.0,
        gt=0,
        description="Seconds from a request's arrival within which it is answered; past them it "
        "gets a 504 and is not captioned any more. Shorter than your clients' own timeout.",
    )
    receive_seconds: float = Field(
        10.0,
        gt=0,
        description="Seconds within which a request's header, and then its body, must have "
        "arrived. Keeps slow senders from holding places.",
    )
    drain_seconds: float = Field(
        0.0,
        ge=0,
        description="Seconds after SIGTERM for which new requests are still told to go elsewhere "
        "before the port is closed. For load balancers that learn of it late.",
    )
    max_batch: int = Field(
        8,
        ge=1,
        le=64,
        description="Most photos captioned together. More are faster in all, but take memory.",
    )
    max_wait_seconds: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Seconds a photo waits for others to be captioned with. Worth some "
        "milliseconds on a GPU, nothing on a CPU.",
    )
    device: Literal["auto", "cpu", "gpu"] = Field(
        "auto",
        description="Where the model runs: auto takes a GPU if there is one, gpu refuses to start "
        "without one, cpu leaves it alone.",
    )
    threads: int = Field(
        default_factory=processors,
        ge=1,
        description="Threads TensorFlow computes with. All processors the process may use by "
        "default; set it where a container's CPU quota is smaller than that.",
    )
    api_keys: SecretStr = Field(
        SecretStr(""),
        description="API keys, separated by commas; a request for a caption must bring one of "
        "them. Without any, everybody may ask.",
    )
    api_keys_file: Path | None = Field(
        None,
        description="File with more of them, one a line, as secrets are mounted in containers.",
    )
    cors_origins: str = Field(
        "",
        description="Origins, separated by commas, whose pages may call the API from a browser; "
        "'*' for all. None by default.",
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        description="text for people, json for machines; both name the request.",
    )
    log_level: str = Field(
        "info",
        pattern="^(critical|error|warning|info|debug)$",
        description="Least severe log lines to write: critical, error, warning, info or debug.",
    )

    tracing: bool = Field(
        False,
        description="Send traces by OpenTelemetry, whose OTEL_* variables say where; needs the "
        "extra `tracing`.",
    )

    @field_validator("tracing")
    @classmethod
    def _is_installed(cls, wanted: bool) -> bool:
        if wanted and not _can_trace():
            raise ValueError("OpenTelemetry is missing; install the extra `tracing`")
        return wanted

    @field_validator("api_keys_file")
    @classmethod
    def _holds_keys(cls, file: Path | None) -> Path | None:
        if file:
            try:
                read_keys("", file)
            except OSError as error:
                raise ValueError(f"it cannot be read: {error.strerror}") from None
        return file


def _can_trace() -> bool:
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False
