"""`python -m confidence_project.demo`."""

import os

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "confidence_project.settings")
    # The story is the output; what the server has to say is in its own log.
    os.environ["LOG_LEVEL"] = "WARNING"
    # The decision model of the second act is served on this machine.
    os.environ["CONFIDENCE_MODEL_HOSTS"], os.environ["CONFIDENCE_MODEL_ALLOW_PRIVATE"] = "127.0.0.1", "1"
    django.setup()

    from confidence_project.demo.story import tell  # models need the set-up above

    tell()
