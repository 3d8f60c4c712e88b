"""`python -m confidence_project.demo`."""

import os

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "confidence_project.settings")
    # The story is the output; what the server has to say is in its own log.
    os.environ["LOG_LEVEL"] = "WARNING"
    django.setup()

    from confidence_project.demo.story import tell  # models need the set-up above

    tell()
