"""The tables of docs/performance.md, from what `make compare` measured."""

from typing import Any

from docs.files import MEASURED, read

RESULT = MEASURED / "compare.json"
MISSING = "Not measured yet: run `make compare`."
CLIENTS = ("1 clients", "4 clients", "16 clients", "64 clients")

Rows = tuple[list[str], list[list[str]]]


def measured() -> Any:
    """What `make compare` wrote last, or None."""
    return read(RESULT) if RESULT.is_file() else None


def servers(result: Any) -> Rows:
    """Every server: its start, its memory, how long captions take and how many it writes."""
    header = ["server", "first caption", "memory", "1 client, ms"]
    header += [f"{each.split()[0]} clients, captions/s" for each in CLIENTS[1:]]
    rows = []
    for name, each in result["servers"].items():
        asked = each["measured"]
        rows.append(
            [
                result["titles"][name],
                f"{each['ready_seconds']:.1f} s",
                f"{each['megabytes']} MB",
                _milliseconds(asked.get("1 clients")),
                *(_rate(asked.get(clients)) for clients in CLIENTS[1:]),
            ]
        )
    return header, rows


def _milliseconds(each: Any) -> str:
    return f"{each['median']:.0f} / {each['p99']:.0f}" if each else ""


def _rate(each: Any) -> str:
    if not each:
        return ""
    others = "".join(f", {each[how]} {how}" for how in ("refused", "failed") if each[how])
    return f"{each['captions_per_second']:.1f}{others}"


def costs(result: Any) -> Rows:
    """Of the service: what a wider beam and a larger photo cost a single client."""
    rows = [
        [result["titles"][name], what, _milliseconds(each)]
        for name, server in result["servers"].items()
        for what, each in server["measured"].items()
        if what not in CLIENTS
    ]
    return ["server", "photo or beam", "1 client, ms"], rows


def graphs(result: Any) -> Rows:
    """The model without a server, in milliseconds and as a multiple of ResNet50 alone."""
    floor = result["graphs"]["resnet50"]
    rows = [
        [what, f"{milliseconds:.1f}", f"{milliseconds / floor:.2f}"]
        for what, milliseconds in result["graphs"].items()
    ]
    return ["call", "ms", "times ResNet50 alone, OpenVINO float32"], rows


def folders(result: Any) -> Rows:
    """Captions a second of a folder."""
    rows = [[result["titles"][name], f"{rate:.1f}"] for name, rate in result["folders"].items()]
    return ["`python -m service caption FOLDER`", "captions/s"], rows


def about(result: Any) -> str:
    """The machine, the versions and what is not there."""
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    left_out = "".join(
        f" Not measured: {result['titles'][name]} ({', '.join(missing)} not installed)."
        for name, missing in result["left_out"].items()
    )
    return f"{result['machine']}; {versions}; {result['minutes']:.0f} minutes.{left_out}"
