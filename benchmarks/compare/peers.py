"""What is compared: each a server of its own, started with the same settings."""

from dataclasses import dataclass, field
from importlib.util import find_spec

OPTIONS = {"beam_size": "3"}


@dataclass(frozen=True)
class Peer:
    """A server, and what has to be installed for it."""

    name: str
    title: str
    module: str
    needs: tuple[str, ...] = ()
    path: str = "/predict"
    settings: dict[str, str] = field(default_factory=dict)
    slow: bool = False  # seconds for a caption: one client, and no more

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(name for name in self.needs if not find_spec(name))


SERVERS = "benchmarks.compare.servers"
OURS = Peer(
    "ours",
    "**this service**, OpenVINO int8",
    "service",
    path="/caption",
    settings={"CAPTION_ENGINE": "openvino"},
)
TENSORFLOW = Peer(
    "tensorflow",
    "this service, TensorFlow",
    "service",
    ("tensorflow",),
    "/caption",
    {"CAPTION_ENGINE": "tensorflow"},
)
PEERS = (
    OURS,
    TENSORFLOW,
    Peer(
        "litserve",
        "LitServe, our model in OpenVINO",
        f"{SERVERS}.with_litserve",
        ("litserve",),
        settings={"CAPTION_ENGINE": "openvino"},
    ),
    Peer(
        "bentoml",
        "BentoML, our model in OpenVINO",
        f"{SERVERS}.with_bentoml",
        ("bentoml",),
        settings={"CAPTION_ENGINE": "openvino"},
    ),
    Peer(
        "tutorial",
        "Keras `predict` for each word and beam",
        f"{SERVERS}.tutorial",
        ("tensorflow",),
        slow=True,
    ),
    Peer(
        "blip",
        "BLIP-base, `transformers`, random weights, ten words forced",
        f"{SERVERS}.blip",
        ("transformers", "torch"),
        slow=True,
    ),
)
