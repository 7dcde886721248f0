"""The OpenAPI document, for people at /docs and for programs that generate clients from it."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from service.engine.manifest import Manifest
from service.http.options import CaptionOptions, offered
from service.http.problems import SCHEMA

HEADERS = {
    "X-Request-ID": {
        "description": "Names the request in the log.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds after which to try again.",
        "schema": {"type": "integer"},
    },
}
SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
RETRIED = "503"
FORM = "CaptionForm"
PHOTO = {
    "type": "string",
    "format": "binary",
    "description": "The photo. Its name and type are ignored.",
}


def describe(app: FastAPI, manifest: Callable[[], Manifest | None], with_keys: bool) -> None:
    """Make the application's document complete; `manifest` is asked when it is needed.

    FastAPI describes what it parses itself, and the body of /caption is ours.
    """
    generate = app.openapi
    described: Manifest | None = None

    def openapi() -> dict[str, Any]:
        nonlocal described
        current = manifest()
        if app.openapi_schema and current == described:
            return app.openapi_schema
        described, app.openapi_schema = current, None
        document = generate()
        components = document.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = SCHEMA
        components["headers"] = HEADERS
        components["securitySchemes"] = SECURITY
        operation = document["paths"]["/caption"]["post"]
        options = _options(current)
        components["schemas"][FORM] = _form(options)
        operation |= _caption(options)
        if with_keys:
            operation["security"] = [{name: []} for name in SECURITY]
        for path in document["paths"].values():
            for each in path.values():
                _add_headers(each["responses"])
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _options(manifest: Manifest | None) -> dict[str, Any]:
    """The options by name, with the model's own defaults and limits."""
    properties = CaptionOptions.model_json_schema()["properties"]
    return {name: _option(name, properties[name], manifest) for name in offered(manifest)}


def _form(options: dict[str, Any]) -> dict[str, Any]:
    fields = {"image": PHOTO, **options}
    return {"title": FORM, "type": "object", "required": ["image"], "properties": fields}


def _caption(options: dict[str, Any]) -> dict[str, Any]:
    """Parameters and bodies of POST /caption."""
    return {
        # Without defaults: what /docs fills in here as well would be sent twice.
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": each.get("description", ""),
                "schema": {key: each[key] for key in each if key not in ("default", "description")},
            }
            for name, each in options.items()
        ],
        "requestBody": {
            "required": True,
            "description": "A form with the photo and options, or the photo's bytes alone, of "
            "this type or any image/* type, with the options in the query.",
            "content": {
                "multipart/form-data": {"schema": {"$ref": f"#/components/schemas/{FORM}"}},
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            },
        },
    }


def _option(name: str, described: dict[str, Any], manifest: Manifest | None) -> dict[str, Any]:
    """An option's schema: of what it is if it is given, and the default if it is not."""
    schema = {"title": described["title"], "description": described["description"]}
    [kind, *_] = described.get("anyOf", [described])
    schema |= {key: kind[key] for key in kind if key not in ("title", "description")}
    if manifest and name in type(manifest.limits).model_fields:
        schema["minimum"], schema["maximum"] = getattr(manifest.limits, name)
    if manifest and name in manifest.search.model_fields_set:
        schema["default"] = getattr(manifest.search, name)
    return schema


def _add_headers(responses: dict[str, Any]) -> None:
    for status, response in responses.items():
        names = [name for name in HEADERS if name != "Retry-After" or status == RETRIED]
        response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
