"""Which form of an answer a client prefers."""


def prefers_text(accept: str) -> bool:
    """Whether an Accept header ranks text/plain above JSON."""
    qualities: dict[str, float] = {}
    for each in accept.split(","):
        name, *parameters = (part.strip().lower() for part in each.split(";"))
        qualities[name] = _quality(parameters)
    json = max(qualities.get(name, 0.0) for name in ("application/json", "application/*", "*/*"))
    return max(qualities.get(name, 0.0) for name in ("text/plain", "text/*")) > json


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
