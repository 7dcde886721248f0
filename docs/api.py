"""Tables and examples of the service's settings and answers, from its code."""

import json
from pathlib import Path

from docs.files import ROOT
from service.engine.manifest import read_manifest
from service.http.examples import RECORDED
from service.http.problems import PROBLEMS
from service.settings import Settings
from training.release.findings import table


def settings() -> str:
    rows = []
    for name, field in Settings.model_fields.items():
        default = "all processors" if field.default_factory else field.default
        if isinstance(default, Path):
            default = default.name
        rows.append([f"`CAPTION_{name.upper()}`", f"`{default}`", str(field.description)])
    return table(["variable", "default", "what for"], rows)


def problems() -> str:
    rows = [[f"`{code}`", str(status), title] for code, (status, title) in PROBLEMS.items()]
    return table(["code", "status", "meaning"], rows)


def threshold() -> str:
    manifest = read_manifest(ROOT / "model_artifacts")
    fitted = manifest.confidence or manifest.calibration
    return f"The shipped model's threshold is {fitted.threshold:g}." if fitted else ""


def answer() -> str:
    """A real answer of the service in five lines."""
    found = RECORDED["caption"]
    best, *others = found["beams"]
    caption, uncertain, text = (
        json.dumps(each) for each in (found["caption"], found["uncertain"], best["text"])
    )
    return "\n".join(
        [
            "```",
            f"$ curl -F image=@{RECORDED['photo']} -F beam_size={found['options']['beam_size']} "
            "http://localhost:8000/caption",
            f'{{"caption": {caption},',
            f' "confidence": {found["confidence"]}, "uncertain": {uncertain},',
            f' "beams": [{{"text": {text}, ...}}, ... {len(others)} more], ...}}',
            "```",
        ]
    )


def response() -> str:
    """A real answer of the service, shortened to its best beam's first words."""
    answer = RECORDED["caption"]
    best, *others = answer["beams"]
    beam = json.dumps(best | {"words": "WORDS"}, indent=2)
    words = ", ".join(json.dumps(word) for word in best["words"][:2])
    beam = beam.replace('"WORDS"', f"[{words}, ...]").replace("\n", "\n    ")
    shown = json.dumps(answer | {"beams": "BEAMS"}, indent=2)
    shown = shown.replace('"BEAMS"', f"[\n    {beam},\n    ... {len(others)} more\n  ]")
    photo, beams = RECORDED["photo"], answer["options"]["beam_size"]
    command = f"curl -F image=@{photo} -F beam_size={beams} http://localhost:8000/caption"
    return f"```\n$ {command}\n{shown}\n```"
