"""Write every figure into docs/images/statistics, for a light and for a dark page."""

from docs.figures.gallery import FOLDER, draw_all

if __name__ == "__main__":
    drawn = draw_all()
    for path in FOLDER.glob("*.svg"):
        path.unlink()
    for name, svg in drawn.items():
        (FOLDER / name).write_bytes(svg)
    print(f"{len(drawn)} figures in {FOLDER}")
