"""What people write: titles, summaries, reasons. Checked before any of it reaches a database."""

from __future__ import annotations

from confidence_project.foundation.errors import FieldProblem, InvalidInput


def clean_text(value: object, *, name: str, max_length: int, required: bool = False) -> str:
    """Return `value` stripped; raise `InvalidInput` for what a database refuses, and for what is empty or too long."""
    problem = _problem_with(value, max_length, required)
    if problem:
        code, detail = problem
        raise InvalidInput(f"The {name} {detail}.", [FieldProblem(f"/{name}", code, f"{name} {detail}")])
    assert isinstance(value, str)  # noqa: S101 - narrows the type; the check above has refused the rest
    return value.strip()


def _problem_with(value: object, max_length: int, required: bool) -> tuple[str, str] | None:
    if not isinstance(value, str):
        return "type", "must be text"
    if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        return "characters", "holds a NUL or half of a surrogate pair, which cannot be stored"
    if required and not value.strip():
        return "required", "must not be empty"
    if len(value.strip()) > max_length:
        return "length", f"must have at most {max_length} characters"
    return None
