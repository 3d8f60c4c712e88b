"""Write every figure into docs/images/statistics, for a light and for a dark page."""

import os

import django

if __name__ == "__main__":
    # The palette is that of the desk, whose package knows models.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "confidence_project.settings")
    django.setup()
    from docs.figures.gallery import FOLDER, draw_all

    drawn = draw_all()
    for path in FOLDER.glob("*.svg"):
        path.unlink()
    for name, svg in drawn.items():
        (FOLDER / name).write_bytes(svg)
    print(f"{len(drawn)} figures in {FOLDER}")
