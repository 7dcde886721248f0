"""`python -m training`: features, train, tune, evaluate, export."""

import sys

from training.cli import main

if __name__ == "__main__":
    sys.exit(main())
