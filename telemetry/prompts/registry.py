"""Registry of prompts: each version of a prompt has a key of its own and never changes once it is in use."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from typing import Any

from pydantic import BaseModel

from confidence_project.foundation.errors import InvalidInput, NotFound
from confidence_project.foundation.registry import Registry

_KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\.v[1-9][0-9]*")


class UnknownPrompt(NotFound):
    """No prompt is registered under the key."""

    code = "unknown_prompt"
    title = "The prompt is not known"


@dataclass(frozen=True, slots=True)
class PromptDefinition:
    """One version of a prompt.

    Parameters
    ----------
    key
        Dotted name with its version: `followup.booking.gate.v1`. Another wording is another version.
    system, user
        The two messages. `user` holds the variables as `${name}` (`string.Template`: names are replaced once, and
        nothing in a value is expanded). `<`, `>` and `&` of values are escaped, so no value can close a tag.
    output
        What the model must answer: a pydantic model with `extra="forbid"` and no optional fields, because providers
        enforce its JSON schema in their strict mode.
    """

    key: str
    system: str
    user: str
    output: type[BaseModel]

    @property
    def variables(self) -> frozenset[str]:
        return frozenset(Template(self.user).get_identifiers())

    def messages(self, variables: Mapping[str, Any]) -> list[dict[str, str]]:
        """Return the chat messages; text goes in as it is, everything else as JSON.

        Raises
        ------
        InvalidInput
            A variable is missing, is not one of the template's, or cannot be written as JSON.
        """
        expected = self.variables
        if set(variables) != expected:
            raise InvalidInput(f"Prompt {self.key} takes exactly these variables: {', '.join(sorted(expected))}.")
        try:
            texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in variables.items()}
        except (TypeError, ValueError):
            raise InvalidInput(f"A variable of prompt {self.key} is neither text nor JSON.") from None
        escaped = {name: html.escape(text, quote=False) for name, text in texts.items()}
        return [
            {"role": "system", "content": self.system},
            {"role": "user", "content": Template(self.user).substitute(escaped)},
        ]

    def response_format(self) -> dict[str, Any]:
        """Return the `response_format` of the chat completions API that holds the model to the output's schema."""
        name = re.sub(r"[^a-zA-Z0-9_-]", "_", self.key)
        schema = self.output.model_json_schema()
        return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}


PROMPTS: Registry[PromptDefinition] = Registry("wording")


def register_prompt(definition: PromptDefinition) -> None:
    """Add a prompt; the same again is nothing, another one under a known key or a broken one raises `InvalidInput`."""
    if not _KEY.fullmatch(definition.key):
        raise InvalidInput("A prompt key is a dotted lower-case name that ends in its version, such as reply.draft.v1.")
    if not Template(definition.user).is_valid():
        raise InvalidInput(f"The template of prompt {definition.key} has a stray $; write $$ for a dollar sign.")
    PROMPTS.register(definition, definition.key)


def get_prompt(key: str) -> PromptDefinition:
    """Return the prompt under `key`; raise `UnknownPrompt` when there is none."""
    prompt = PROMPTS.get(key)
    if prompt is None:
        raise UnknownPrompt(f"No prompt has this key. Known keys: {', '.join(PROMPTS.keys)}.")
    return prompt


def all_prompts() -> list[PromptDefinition]:
    """Every registered prompt, by key."""
    return PROMPTS.all()
