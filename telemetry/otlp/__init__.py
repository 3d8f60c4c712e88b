"""OTLP/HTTP: spans of AI calls become interactions, evaluations and decisions go to whoever registered for them."""
