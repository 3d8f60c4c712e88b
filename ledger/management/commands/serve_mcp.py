"""`manage.py serve_mcp`."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import CommandError

from confidence_project.foundation.commands import DomainCommand
from governance.access.authentication import INVALID_KEY, usable_key
from ledger.agents.server import mcp_app, mcp_server

KEY_VARIABLE = "CONFIDENCE_API_KEY"


class Command(DomainCommand):
    help = (
        "Serve the gate to agents over the Model Context Protocol: decide, get_threshold, report_outcome, "
        f"explain_verdict. Over stdio with the workspace's key in {KEY_VARIABLE}, or with --http, where each client "
        "sends its own as a bearer."
    )
    examples = f"""
  manage.py serve_mcp   # stdio, with {KEY_VARIABLE} in the environment
  manage.py serve_mcp --http 127.0.0.1:8765
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--http", metavar="HOST:PORT", help="Serve Streamable HTTP at /mcp, behind your TLS proxy.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["http"]:
            host, _, port = options["http"].rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65536:
                raise CommandError("--http takes a host and a port, like 127.0.0.1:8765.")
            hosts = [*settings.ALLOWED_HOSTS, *(f"{name}:*" for name in settings.ALLOWED_HOSTS)]
            uvicorn.run(mcp_app(hosts), host=host, port=int(port), log_config=None)
            return
        plain = os.environ.get(KEY_VARIABLE, "")
        if usable_key(plain) is None:
            raise CommandError(f"{KEY_VARIABLE}: {INVALID_KEY}")
        mcp_server(plain).run("stdio")
