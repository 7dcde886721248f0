"""The options of a request, which the query and forms spell alike."""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.engine.errors import OptionError
from service.engine.manifest import Manifest, SearchOptions
from service.http.problems import Problem


class CaptionOptions(BaseModel):
    """Those left out take the model's defaults."""

    model_config = ConfigDict(extra="forbid")

    beam_size: int | None = Field(
        None, ge=1, le=10, description="Number of captions to search for and return."
    )
    max_length: int | None = Field(
        None, ge=1, le=30, description="Maximum number of words in a caption."
    )
    length_penalty: float | None = Field(
        None,
        ge=0,
        le=2,
        description="0 ranks by probability alone; higher values prefer longer captions.",
    )
    people: Literal["seen", "neutral"] | None = Field(
        None,
        description="seen: people are named as they look to the model (man, girl); neutral: they "
        "are named person, child or people.",
    )
    attention: bool = Field(
        False, description="Whether to return where the model looked for each word."
    )


def offered(manifest: Manifest | None) -> list[str]:
    """The names of the options that a model takes; a manifest lists those of its search."""
    searched = SearchOptions.model_fields if manifest is None else manifest.search.model_fields_set
    return [
        name
        for name in CaptionOptions.model_fields
        if name in searched or name not in SearchOptions.model_fields
    ]


def parse(given: Iterable[tuple[str, str]], manifest: Manifest) -> tuple[SearchOptions, bool]:
    """The search options, and whether attention is asked for.

    Raises Problem `invalid_option`, which names every wrong option.
    """
    names, values, wrong = offered(manifest), dict[str, str](), list[str]()
    for name, value in given:
        if name not in names:
            wrong.append(f"{name}: there is no such option; there are {', '.join(names)}")
        elif name in values:
            wrong.append(f"{name}: send it once")
        elif value:  # forms send what is left empty
            values[name] = value
    try:
        options = CaptionOptions.model_validate(values)
    except ValidationError as error:
        wrong += [f"{each['loc'][-1]}: {each['msg']}" for each in error.errors()]
    if wrong:
        raise Problem("invalid_option", "; ".join(wrong))
    try:
        return manifest.options(**options.model_dump(exclude={"attention"})), options.attention
    except OptionError as error:
        raise Problem("invalid_option", str(error)) from None
