"""A printed part as OpenSCAD renders it (ASCII STL): whether it is closed, and where it is solid.

A solid is looked at as upright columns on a square grid: for each column the heights between which there is
material. That is enough to see what collides, what is open, and what would need supports.
"""

import math
import re
from collections import Counter

GRID = 0.5  # mm between columns
EDGE = 0.05  # mm by which a column may be off


def read(path):
    """Triangles of an ASCII STL file, each three points (x, y, z) in millimetres."""
    text = path.read_text(encoding="ascii")
    points = [tuple(map(float, found)) for found in re.findall(r"vertex (\S+) (\S+) (\S+)", text)]
    if not points or len(points) % 3:
        raise SystemExit(f"{path} is no STL file with triangles; render it again")
    return [points[i : i + 3] for i in range(0, len(points), 3)]


def size(triangles):
    """Length, width and height in millimetres."""
    return [max(p[axis] for t in triangles for p in t) - min(p[axis] for t in triangles for p in t) for axis in range(3)]


def volume(triangles):
    """Cubic millimetres; negative if the surface is inside out (divergence theorem)."""
    return sum(
        (a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0])) / 6
        for a, b, c in triangles
    )


def open_edges(triangles):
    """How many edges are not shared by exactly two triangles that run along it in opposite directions."""
    edges = Counter()
    for a, b, c in triangles:
        edges.update([(a, b), (b, c), (c, a)])
    return sum(times != 1 or edges[(end, start)] != 1 for (start, end), times in edges.items())


def overhang(triangles):
    """Square millimetres of surface that look down more steeply than 45°, off the bed."""
    bed = min(p[2] for t in triangles for p in t)
    total = 0.0
    for a, b, c in triangles:
        u, v = [b[i] - a[i] for i in range(3)], [c[i] - a[i] for i in range(3)]
        normal = (u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])
        length = math.hypot(*normal)
        if length and normal[2] / length < -0.72 and min(a[2], b[2], c[2]) > bed + 0.3:
            total += length / 2
    return total


def columns(triangles):
    """(column, row) → [(from, to), …]: where the solid has material above that point of the grid."""
    crossings = {}
    for a, b, c in triangles:
        area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if not area:
            continue  # upright: no column crosses it
        xs, ys = [p[0] for p in (a, b, c)], [p[1] for p in (a, b, c)]
        for column in range(_first(min(xs)), _first(max(xs))):
            x = _at(column)
            for row in range(_first(min(ys)), _first(max(ys))):
                y = _at(row)
                s = ((b[0] - x) * (c[1] - y) - (c[0] - x) * (b[1] - y)) / area
                t = ((c[0] - x) * (a[1] - y) - (a[0] - x) * (c[1] - y)) / area
                if s >= 0 and t >= 0 and s + t <= 1:
                    z = s * a[2] + t * b[2] + (1 - s - t) * c[2]
                    crossings.setdefault((column, row), []).append((z, 1 if area < 0 else -1))
    solid = {}
    for place, hits in crossings.items():
        depth, spans, start = 0, [], 0.0
        for z, step in sorted(hits):
            if depth == 0:
                start = z
            depth += step
            if depth == 0 and z > start:
                spans.append((start, z))
        if spans:
            solid[place] = spans
    return solid


def moved(triangles, dx=0.0, dy=0.0, dz=0.0, turned=False):
    """The same part elsewhere; `turned` half a turn about the x axis."""
    way = -1 if turned else 1
    return [[(x + dx, way * y + dy, way * z + dz) for x, y, z in t] for t in triangles]


def clash(one, other):
    """Cubic millimetres that two solids share, and where the most of it is."""
    shared, worst = 0.0, (0.0, None)
    for place, spans in one.items():
        here = sum(
            max(0.0, min(top, end) - max(bottom, start) - EDGE) for bottom, top in spans for start, end in other.get(place, ())
        )
        shared += here * GRID * GRID
        if here > worst[0]:
            worst = (here, (round(_at(place[0]), 1), round(_at(place[1]), 1)))
    return shared, worst[1]


def _at(index):
    # Off the round numbers that edges lie on.
    return index * GRID + 0.0137


def _first(value):
    return math.ceil((value - 0.0137) / GRID)
