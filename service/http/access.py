"""Who may ask for captions, where that is not everybody."""

import secrets

from starlette.datastructures import Headers

from service.http.problems import Problem


class Access:
    """A set of API keys; an empty one lets everybody in."""

    def __init__(self, keys: frozenset[str]) -> None:
        self._keys = tuple(key.encode() for key in keys)

    def check(self, headers: Headers) -> None:
        """Raises Problem `unauthorized` unless a header holds one of the keys."""
        if not self._keys:
            return
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        given = [headers.get("x-api-key", ""), bearer.strip() if scheme.lower() == "bearer" else ""]
        # All keys are compared, each in constant time: how long it takes tells nothing.
        matches = [
            secrets.compare_digest(each.encode(), key) for each in given for key in self._keys
        ]
        if not any(matches):
            raise Problem(
                "unauthorized",
                "send an API key in the header 'Authorization: Bearer KEY' or 'X-API-Key: KEY'",
                headers={"WWW-Authenticate": "Bearer"},
            )
