"""What was measured, for the documents and for whoever waits for it."""

import json
from typing import Any

from benchmarks.server import ROOT

RESULTS = ROOT / "benchmarks" / "results"


def report(name: str, machine: str, rows: list[dict[str, str]], **details: Any) -> None:
    """Write the rows (`what`, `value`) and what they come from to NAME.json, and print them."""
    RESULTS.mkdir(exist_ok=True)
    result = {"machine": machine, "rows": rows, **details}
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    for row in rows:
        print(f"{row['what']}: {row['value']}")
