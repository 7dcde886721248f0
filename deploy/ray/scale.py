"""CAPTION_RAY_* environment variables."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Scale(BaseSettings):
    """How many replicas of the model there are, and what each reserves."""

    model_config = SettingsConfigDict(env_prefix="CAPTION_RAY_", frozen=True)

    min_replicas: int = Field(1, ge=1)
    max_replicas: int = Field(4, ge=1)
    cpus: int = Field(2, ge=1, description="Of each replica, and the threads it computes with.")
    gpus: float = Field(0, ge=0, description="Of each replica.")
