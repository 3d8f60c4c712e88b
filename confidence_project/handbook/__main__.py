"""Write the pictures into docs/images/statistics, each for a light and for a dark page."""

from __future__ import annotations

from confidence_project.handbook.gallery import FOLDER, gallery


def main() -> None:
    """Draw, write, and remove what is no picture any more."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    drawn = gallery()
    for name, svg in drawn.items():
        (FOLDER / name).write_bytes(svg)
    for path in FOLDER.glob("*.svg"):
        if path.name not in drawn:
            path.unlink()
    print(f"{len(drawn)} pictures in {FOLDER}")


if __name__ == "__main__":
    main()
