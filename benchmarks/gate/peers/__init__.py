"""What others do for the same, each in an environment of its own: `requirements-bench.txt`."""
