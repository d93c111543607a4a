"""``python -m sadd`` is the ``sadd`` command."""

import sys

from sadd.cli import main

if __name__ == "__main__":
    sys.exit(main())
