"""The gateway: decision models are asked through us, and every answer comes back with the verdict on it."""
