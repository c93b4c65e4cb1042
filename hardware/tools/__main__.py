"""Hardware of the two reference satellites: `python3 hardware/tools check | draw | totals | case`.

check   the wiring, parts lists and settings of both satellites, and whether the drawings are up to date
draw    writes each satellite's wiring.svg
totals  prints the parts lists with prices, as Markdown
case    renders the enclosures to STL and PNG with OpenSCAD, and checks them
"""

import argparse
import shutil
import subprocess
import sys

import case
import draw
import parts
import rules
from netlist import HARDWARE, SATELLITES, Netlist


def check():
    """Prints what is wrong; whether nothing is."""
    found = []
    for satellite in SATELLITES:
        netlist = Netlist.load(satellite)
        wrong = rules.problems(netlist)
        wrong += rules.parts_are_listed(netlist, satellite)
        wrong += rules.settings_agree(netlist, satellite)
        drawing = HARDWARE / satellite / "wiring.svg"
        if not wrong and (not drawing.exists() or drawing.read_text(encoding="utf-8") != draw.svg(netlist)):
            wrong.append("wiring.svg is not what netlist.toml says; draw it again: python3 hardware/tools draw")
        wrong += overlays_compile(satellite)
        if f"**€ {parts.total(satellite)}**" not in (HARDWARE / "README.md").read_text(encoding="utf-8"):
            wrong.append("README.md names another price than parts.csv adds up to")
        found += [f"{satellite}: {what}" for what in wrong]
        print(f"{satellite}: {len(netlist.parts)} parts, {len(netlist.nets)} nets, € {parts.total(satellite)}")
    for what in found:
        print(f"  {what}", file=sys.stderr)
    return not found


def overlays_compile(satellite):
    """What the device-tree compiler says of the satellite's overlays."""
    compiler = shutil.which("dtc")
    for source in sorted((HARDWARE / satellite).glob("*.dts")):
        if not compiler:
            print(f"SKIPPED: {source.name} is not compiled, there is no dtc (Debian: device-tree-compiler)")
            continue
        done = subprocess.run([compiler, "-@", "-I", "dts", "-O", "dtb", "-o", "/dev/null", source], capture_output=True, text=True)
        if done.returncode or done.stderr:
            yield f"{source.name}: {done.stderr.strip()}"


def main():
    arguments = argparse.ArgumentParser(prog="hardware/tools", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("task", choices=["check", "draw", "totals", "case"])
    arguments.add_argument("--out", default=str(HARDWARE / "out"), help="case: the folder for STL and PNG files")
    arguments.add_argument("--no-pictures", action="store_true", help="case: no PNG files, which need a display or xvfb")
    chosen = arguments.parse_args()
    if chosen.task == "check":
        return check()
    if chosen.task == "case":
        return case.render(chosen.out, pictures=not chosen.no_pictures)
    for satellite in SATELLITES:
        if chosen.task == "draw":
            (HARDWARE / satellite / "wiring.svg").write_text(draw.svg(Netlist.load(satellite)), encoding="utf-8")
        else:
            print(f"### {satellite}\n\n{parts.table(satellite)}\n")
    return True


sys.exit(0 if main() else 1)
