"""Tables of what the benchmarks measured of the service, but for `make compare`'s."""

from docs.files import MEASURED, ROOT, read
from training.release.findings import table


def measured(name: str) -> str:
    """The rows of a benchmark's file, and the machine."""
    result = read(MEASURED / f"{name}.json")
    rows = [[each["what"], each["value"]] for each in result["rows"]]
    return f"{table(['what', 'measured'], rows)}\n\n{result['machine']}"


def load() -> str:
    """What `make load` measured."""
    result = read(MEASURED / "load.json")
    rows = []
    for each in [{"multiple": None} | result["uncontended"], *result["rates"]]:
        multiple, answers = each["multiple"], each["answers"]
        rows.append(
            [
                f"{multiple:.1f} times" if multiple else "8 clients, one photo after another",
                f"{each['offered']:.1f}",
                f"{each['goodput']:.1f}",
                *(_quantiles(answers.get(name)) for name in ("ok", "overloaded", "live")),
                f"{min(each['megabytes'])}–{max(each['megabytes'])}",
            ]
        )
    header = ["load", "photos/s", "captions/s", "caption, ms", "refusal, ms", "`/health/live`, ms"]
    return (
        f"{table([*header, 'memory, MB'], rows)}\n\n"
        f"{result['machine']}; {result['seconds']} s each; median / 99th percentile / longest."
    )


def _quantiles(each: dict[str, float] | None) -> str:
    return f"{each['median']:.0f} / {each['p99']:.0f} / {each['max']:.0f}" if each else ""


def speed() -> str:
    """What `make benchmark` measured of the start, the memory and a caption with the defaults."""
    result = read(MEASURED / "latency.json")
    beams = read(ROOT / "model_artifacts" / "manifest.json")["search"]["beam_size"]
    photo = [each for each in result["rows"] if f"500x375 JPEG, beam {beams}" in each["what"]]
    rows = [[each["what"], each["value"]] for each in (*result["rows"][:2], *photo[:1])]
    return f"{table(['what', 'measured'], rows)}\n\n{result['machine']}"
