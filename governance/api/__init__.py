"""The HTTP API of governance."""
