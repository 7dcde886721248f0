"""CAPTION_RAY_* environment variables."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Scale(BaseSettings):
    """How many replicas of the model there are."""

    model_config = SettingsConfigDict(env_prefix="CAPTION_RAY_", frozen=True)

    min_replicas: int = Field(1, ge=1)
    max_replicas: int = Field(4, ge=1)
    gpus: float = Field(0, ge=0, description="Of each replica.")
