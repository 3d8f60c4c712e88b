"""Every command of the ledger and of telemetry shows examples in its help, and they are right."""

from __future__ import annotations

import re
import shlex

import pytest
from django.core.management import get_commands, load_command_class

COMMANDS = sorted(
    name for name, app in get_commands().items() if app in {"ledger", "telemetry"} or name == "enforce_append_only"
)


def examples_of(name: str) -> list[list[str]]:
    """The arguments of each example, as a shell would give them."""
    text = load_command_class(get_commands()[name], name).examples.replace("\\\n", " ")
    lines = re.findall(rf"manage\.py {name}\b([^\n#>|]*)", text)
    return [shlex.split(re.sub(r"\$\([^)]*\)", "text", line)) for line in lines]


@pytest.mark.parametrize("name", COMMANDS)
def test_help__examples__are_shown_line_by_line_and_parse(name: str) -> None:
    command = load_command_class(get_commands()[name], name)
    parser = command.create_parser("manage.py", name)
    assert "\nexamples:\n  manage.py" in parser.format_help()
    assert examples_of(name)
    for arguments in examples_of(name):
        parser.parse_args(arguments)
