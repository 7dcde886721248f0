"""More than one machine, on Ray."""

import os

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell others; read on import
