"""Every setting of the service, read once from environment variables named CAPTION_*."""

import os
import re
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

BUNDLED_MODEL = Path(__file__).resolve().parent.parent / "model_artifacts"
MAX_SECONDS = 86_400  # of a setting: a day, which no timer takes for too much
_COMMENT = re.compile(r"(^|\s)#.*")
FORM_BYTES = 64 * 1024  # boundaries, part headers and the options' fields, beside the photo


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
        description="Requests captioned or waiting at a time; further ones are rejected with 503 "
        "and Retry-After. Keeps the wait of those accepted short.",
    )
    max_uploads: int = Field(
        256,
        ge=1,
        description="Uploads received at a time, apart from those that wait; further ones are "
        "rejected with 503. Slow senders hold only these places.",
    )
    upload_memory: int = Field(
        320_000_000,
        ge=1,
        description="Bytes of uploads held at a time until they are decoded, of all requests "
        "together; further ones are rejected with 503. At least max_bytes and 64 KiB.",
    )
    deadline_seconds: float = Field(
        10.0,
        gt=0,
        le=MAX_SECONDS,
        description="Seconds from the end of a request's upload within which it is answered; past "
        "them it gets a 504 and is not captioned any more. The sum with receive_seconds should be "
        "shorter than your clients' timeout.",
    )
    receive_seconds: float = Field(
        10.0,
        gt=0,
        le=MAX_SECONDS,
        description="Seconds within which a request's header, and then its body, must have "
        "arrived. A slow header closes the connection, a slow body gets a 408. Keeps slow senders "
        "from holding places.",
    )
    drain_seconds: float = Field(
        0.0,
        ge=0,
        le=MAX_SECONDS,
        description="Seconds after SIGTERM for which new requests are still rejected with 503 "
        "before the port is closed. For load balancers that notice it late.",
    )
    max_batch: int = Field(
        8,
        ge=1,
        le=64,
        description="Most photos captioned together. More raise the throughput, but take memory.",
    )
    max_wait_seconds: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Seconds a photo waits for others to be captioned with. A few milliseconds "
        "help on a GPU; on a CPU waiting gains nothing.",
    )
    device: Literal["auto", "cpu", "gpu"] = Field(
        "auto",
        description="Where the model runs: auto takes a GPU if there is one, gpu refuses to start "
        "without one, cpu never uses one.",
    )
    engine: Literal["auto", "openvino", "tensorflow"] = Field(
        "auto",
        description="What runs the model: auto takes TensorFlow where there is a GPU, and else "
        "OpenVINO if the model has a form for it, which is faster on a CPU and needs less memory.",
    )
    threads: int = Field(
        default_factory=processors,
        ge=1,
        description="Threads the model computes with. All processors the process may use by "
        "default; set it where a container's CPU quota is smaller.",
    )
    decoders: int = Field(
        2,
        ge=1,
        description="Photos decoded at a time. Each may take 16 bytes of memory a pixel while it "
        "is decoded; more of them help where a GPU captions faster than two of them decode.",
    )
    api_keys: SecretStr = Field(
        SecretStr(""),
        description="API keys, separated by commas; a request for a caption must send one of "
        "them. Without any, no key is needed.",
    )
    api_keys_file: Path | None = Field(
        None,
        description="File with more of them, one a line, as secrets are mounted in containers. "
        "`#` at the start of a line, or after a space, begins a comment.",
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
        description="Least severe log lines to write: critical, error, warning, info or debug, in "
        "upper or lower case. Probes are logged at debug.",
    )
    tracing: bool = Field(
        False,
        description="Send traces by OpenTelemetry, whose OTEL_* variables say where; needs the "
        "extra `tracing`.",
    )

    @field_validator("engine")
    @classmethod
    def _runs_on_the_device(cls, engine: str, others: ValidationInfo) -> str:
        if engine == "openvino" and others.data.get("device") == "gpu":
            raise ValueError(
                "it computes on CPUs only; set CAPTION_DEVICE to auto or cpu, or this to auto"
            )
        return engine

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_lower_case(cls, level: object) -> object:
        return level.lower() if isinstance(level, str) else level

    @field_validator("api_keys")
    @classmethod
    def _are_keys(cls, listed: SecretStr) -> SecretStr:
        read_keys(listed.get_secret_value(), None)
        return listed

    @field_validator("upload_memory")
    @classmethod
    def _holds_one_upload(cls, memory: int, others: ValidationInfo) -> int:
        least = others.data.get("max_bytes", 0) + FORM_BYTES
        if memory < least:
            raise ValueError(f"an upload of CAPTION_MAX_BYTES needs {least:,}")
        return memory

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


def read_keys(listed: str, file: Path | None) -> frozenset[str]:
    """Keys separated by commas, and those of a file, one a line.

    A comment begins with `#`, at the start of a line or after a space; a key may hold one.
    Raises OSError if the file cannot be read, and ValueError if there is a list or file without
    any key, which would let everybody in, or a key that a header cannot carry.
    """
    keys = {key.strip() for key in listed.split(",")}
    if listed and not keys - {""}:
        raise ValueError("there is no API key in it; leave it empty to let everybody in")
    if file:
        lines = file.read_text(encoding="utf-8-sig").splitlines()  # as Windows' editors write it
        in_file = {_COMMENT.sub("", line).strip() for line in lines} - {""}
        if not in_file:
            raise ValueError(f"{file} holds no API key")
        if any("," in key for key in in_file):
            raise ValueError(f"a key in {file} holds a comma; write each on a line of its own")
        keys |= in_file
    if not all(key.isascii() and key.isprintable() for key in keys):
        raise ValueError("API keys are sent in a header: use ASCII letters, digits and signs only")
    return frozenset(keys - {""})


def unknown_variables(environ: Iterable[str]) -> list[str]:
    """Names like CAPTION_MAX_BYTE that are no setting: misspelled, as a rule."""
    known = {f"CAPTION_{name.upper()}" for name in Settings.model_fields}
    named = (name for name in environ if name.upper().startswith("CAPTION_"))
    # CAPTION_RAY_* are read where it is deployed on Ray.
    others = (name for name in named if not name.upper().startswith("CAPTION_RAY_"))
    return sorted(name for name in others if name.upper() not in known)
