"""Renders the enclosures with OpenSCAD and checks what comes out: closed surfaces, room for the boards, no supports."""

import shutil
import subprocess
from pathlib import Path

import solid
from netlist import HARDWARE, SATELLITES

PARTS = {"bonnet": ("base", "lid", "pipes", "cap"), "ring": ("base", "lid", "pipes")}
# As in satellite.scad.
HIGH = {"bonnet": 24.5, "ring": 34.0}
FLOOR, LID = 2.4, 2.4
INSIDE = ((-7.5, 72.5), (-3.5, 78.0))
# Ceilings of small openings bridge; this much of it prints well, in mm².
BRIDGES = 160
# Of a part that touches the other with its rounded sides, and of what closes a hole with a thin skin, in mm³.
TOUCH = {"boards": 1.0, "ways": 0.05}
# The print bed of a small printer, in mm.
BED = (120, 120, 120)


def render(out, pictures=True):
    """Writes STL (and PNG) files to the folder `out`; prints each check. Whether all is well."""
    if not shutil.which("openscad"):
        print("SKIPPED: there is no openscad (Debian: openscad)")
        return True
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    fine = True
    for satellite in SATELLITES:
        for part in (*PARTS[satellite], "boards", "ways"):
            _openscad(satellite, part, out / f"{satellite}-{part}.stl")
        found = list(problems(satellite, out))
        fine = fine and not found
        for what in found:
            print(f"{satellite}: {what}")
        if pictures:
            for view, arguments in VIEWS.items():
                _picture(satellite, out, view, arguments)
    return fine


def problems(satellite, out):
    """What is wrong with the rendered parts of a satellite, in sentences."""
    parts = {part: solid.read(out / f"{satellite}-{part}.stl") for part in (*PARTS[satellite], "boards", "ways")}
    for part in PARTS[satellite]:
        triangles = parts[part]
        length, width, height = solid.size(triangles)
        cm3, hanging = solid.volume(triangles) / 1000, solid.overhang(triangles)
        print(f"{satellite} {part}: {length:.1f} × {width:.1f} × {height:.1f} mm, {cm3:.1f} cm³, {hanging:.0f} mm² bridged")
        if edges := solid.open_edges(triangles):
            yield f"{part}: {edges} edges are not closed: not manifold"
        if cm3 <= 0:
            yield f"{part}: the surface is inside out"
        if hanging > BRIDGES:
            yield f"{part}: {hanging:.0f} mm² hang free; it would need supports"
        if any(side > bed for side, bed in zip((length, width, height), BED)):
            yield f"{part}: too large for a bed of {BED[0]} mm"
    yield from _room(satellite, parts)


def _room(satellite, parts):
    """Whether everything has its place: boards and plugs clear of the case, and inside it."""
    top = HIGH[satellite] + LID
    case = {"base": solid.columns(solid.moved(parts["base"], dz=-FLOOR))}
    case["lid"] = solid.columns(solid.moved(parts["lid"], dz=top, turned=True))
    for what in ("boards", "ways"):
        body = solid.columns(parts[what])
        for part, material in case.items():
            shared, where = solid.clash(material, body)
            print(f"{satellite} {part} and {what}: {shared:.1f} mm³ shared")
            if shared > TOUCH[what]:
                yield f"the {part} is in the way of the {what}: {shared:.1f} mm³, most near x, y = {where}"
    shared, where = solid.clash(case["base"], case["lid"])
    if shared > TOUCH["boards"]:
        yield f"base and lid are in each other's way: {shared:.1f} mm³, most near x, y = {where}"
    for axis, (least, most) in enumerate(INSIDE):
        for triangle in parts["boards"]:
            for point in triangle:
                if not least - 0.01 <= point[axis] <= most + 0.01:
                    yield f"a board reaches {point[axis]:.1f} mm on axis {'xy'[axis]}; the case has {least} to {most}"
                    return


def _openscad(satellite, part, path):
    scad = HARDWARE / "enclosure" / "satellite.scad"
    command = ["openscad", "-q", "-D", f'variant="{satellite}"', "-D", f'part="{part}"', "-o", path, scad]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"openscad cannot render {satellite} {part}:\n{done.stderr.strip()}")


# Camera: what it looks at, angles, distance.
VIEWS = {
    "closed": ("false", "32,37,12,56,0,-32,330"),
    "open": ("true", "32,37,30,62,0,-32,400"),
}


def _picture(satellite, out, view, arguments):
    is_open, camera = arguments
    path = out / f"{satellite}-{view}.png"
    command = [
        *(["xvfb-run", "-a"] if shutil.which("xvfb-run") else []),
        "openscad", "-q", "--imgsize=1400,1050", f"--camera={camera}", "--colorscheme=Tomorrow",
        "-D", f'variant="{satellite}"', "-D", f"open={is_open}", "-D", f'folder="{out.resolve()}"',
        "-o", path, HARDWARE / "enclosure" / "picture.scad",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(f"SKIPPED: no picture {path.name}: {(done.stderr.strip().splitlines() or ['no display; install xvfb'])[-1]}")
