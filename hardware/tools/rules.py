"""What makes a wiring wrong. Each rule yields sentences; a right netlist yields none.

Electricity is looked at in every position of the mute switch, through resistors and closed contacts.
"""

import csv
import re
import tomllib
from collections import Counter

from netlist import HARDWARE, split

# A line that the Pi could feed a microphone through, supply off, must limit the current to a few milliamperes.
LEAST_OHMS = 470
# A signal passes a resistor of this size.
SIGNAL_OHMS = 2000
# A part is supplied through no more than this.
SUPPLY_OHMS = 150


def problems(netlist):
    """All that is wrong, in sentences."""
    found = list(pins_are_used_once(netlist))
    # The rest walks along nets, which must first be there.
    if not found:
        for rule in (supplies_agree, signals_agree, drivers_agree, mute_is_real, currents_suffice):
            found.extend(rule(netlist))
    return list(dict.fromkeys(found))


def pins_are_used_once(netlist):
    """Every pin named exists, is in one net, and none that is needed is left open."""
    known = set(netlist.pins())
    used = Counter(pin for net in netlist.nets for pin in net.pins)
    for net in netlist.nets:
        if len(net.pins) < 2:
            yield f"the net “{net.name}” joins nothing"
    for pin, times in used.items():
        if pin not in known:
            yield f"there is no pin {pin}"
        elif times > 1:
            yield f"{pin} is in {times} nets"
    for pin in sorted(known - set(used)):
        if not netlist.what(pin).get("spare"):
            yield f"{pin} is connected to nothing"
    for id in netlist.parts:
        if not any(split(pin)[0] == id for pin in used):
            yield f"the part {id} is connected to nothing"


def supplies_agree(netlist):
    """No supply meets another or the ground, and each part gets the volts it is made for."""
    for position in netlist.positions():
        for pin in netlist.pins():
            what = netlist.what(pin)
            if "gives" in what:
                for other in netlist.reach(pin, position, 0):
                    also = netlist.what(other)
                    if also.get("ground"):
                        yield f"{position}: {pin} ({what['gives']} V) is short-circuited to ground at {other}"
                    elif also.get("gives", what["gives"]) != what["gives"]:
                        yield f"{position}: {pin} ({what['gives']} V) meets {other} ({also['gives']} V)"
            if "takes" in what and not (pin == netlist.microphone and position == "muted"):
                yield from _is_supplied(netlist, pin, position)
            if what.get("ground") and not _touches(netlist, pin, position, netlist.board, "ground"):
                yield f"{position}: {pin} does not reach the board's ground"


def _is_supplied(netlist, pin, position):
    least, most = netlist.what(pin)["takes"]
    reach = netlist.reach(pin, position, SUPPLY_OHMS)
    sources = {other: ohms for other, ohms in reach.items() if "gives" in netlist.what(other)}
    if not sources:
        yield f"{position}: {pin} has no supply"
    for source, ohms in sources.items():
        volts = netlist.what(source)["gives"] - ohms * netlist.what(pin)["ma"] / 1000
        if not least <= volts <= most:
            yield f"{position}: {pin} takes {least} to {most} V and gets {volts:.2f} V from {source}"


def _touches(netlist, pin, position, part, quality):
    return any(split(other)[0] == part and netlist.what(other).get(quality) for other in netlist.reach(pin, position, 0))


def signals_agree(netlist):
    """What drives a line is high enough to be heard and not too high to be borne; two never drive against each other."""
    for position in netlist.positions():
        for pin in netlist.pins():
            what = netlist.what(pin)
            reach = netlist.reach(pin, position, SIGNAL_OHMS)
            drivers = {other: netlist.what(other)["drives"] for other in reach if "drives" in netlist.what(other)}
            drivers.pop(pin, None)
            if "drives" in what and "hears" not in what:
                for other in drivers:
                    if "hears" not in netlist.what(other):
                        yield f"{pin} and {other} drive against each other"
            if "hears" not in what or len(reach) == 1:
                continue
            least, most = what["hears"]
            fed = {other: netlist.what(other)["gives"] for other in reach if "gives" in netlist.what(other)}
            for other, volts in (drivers | fed).items():
                if volts < least:
                    yield f"{pin} counts {least} V and more as high; {other} gives {volts} V"
                if volts > most:
                    yield f"{pin} bears {most} V; {other} gives {volts} V"
            grounded = any(netlist.what(other).get("ground") for other in reach)
            if split(pin)[0] != netlist.board and not (drivers or fed or grounded):
                yield f"nothing drives {pin}"


def drivers_agree(netlist):
    """What a driver of the system expects at a certain pin of the board is there."""
    for pin in netlist.pins():
        if wanted := netlist.what(pin).get("wants"):
            reach = netlist.reach(pin, "hears", SIGNAL_OHMS)
            labels = [netlist.what(other)["label"] for other in reach if split(other)[0] == netlist.board]
            if not any(re.search(rf"\b{wanted}\b", label) for label in labels):
                yield f"{pin} belongs at “{wanted}” of the board, and is at {', '.join(labels) or 'none of its pins'}"


def mute_is_real(netlist):
    """Muted, the microphone's supply lies on ground and the sense pin says so; software has no way around it."""
    microphone, sense = netlist.microphone, netlist.sense
    if set(netlist.positions()) != {"hears", "muted"}:
        yield "the mute switch needs the positions “hears” and “muted”"
        return

    def is_grounded(pin, position, most):
        return any(netlist.what(other).get("ground") for other in netlist.reach(pin, position, most))

    def sources(pin, position):
        reach = netlist.reach(pin, position, LEAST_OHMS - 1)
        return [other for other in reach if "gives" in netlist.what(other) or "drives" in netlist.what(other)]

    if not is_grounded(microphone, "muted", 0):
        yield f"muted: {microphone} is not held at ground, so that its signals could still feed it"
    for source in sources(microphone, "muted"):
        yield f"muted: {microphone} is still fed by {source}"
    if is_grounded(microphone, "hears", 0):
        yield f"hears: {microphone} is at ground"
    if not is_grounded(sense, "muted", SIGNAL_OHMS):
        yield f"muted: the sense pin {sense} is not at ground"
    if is_grounded(sense, "hears", float("inf")):
        yield f"hears: the sense pin {sense} is at ground"
    if any("gives" in netlist.what(other) for other in netlist.reach(sense, "hears")):
        yield f"hears: the sense pin {sense} is fed, and could feed the microphone"
    part = split(microphone)[0]
    for line in netlist.parts[part].about.get("lines", []):
        for source in sources(f"{part}.{line}", "muted"):
            if split(source)[0] != part:
                yield f"muted: {source} could feed the microphone through {part}.{line}; put {LEAST_OHMS} Ω or more between"


def currents_suffice(netlist):
    """Everything at its most at once is within what each supply gives."""
    drawn, board = Counter(), netlist.parts[netlist.board]
    for pin in netlist.pins():
        if "takes" in netlist.what(pin):
            reach = netlist.reach(pin, "hears", SUPPLY_OHMS)
            for source in [other for other in reach if "gives" in netlist.what(other)][:1]:
                drawn[source] += netlist.what(pin)["ma"]
    total = board.about["needs"]["ma"]
    for source, ma in drawn.items():
        if ma > netlist.what(source)["limit"]:
            yield f"{source} gives {netlist.what(source)['limit']} mA, {ma:g} mA are drawn"
        total += ma if split(source)[0] == netlist.board else 0
    if total > board.about["supply"]["ma"]:
        yield f"the power supply gives {board.about['supply']['ma']} mA, {total:g} mA are drawn at most"


def gpio(netlist, pin):
    """The number of the GPIO line at a pin of the board."""
    label = netlist.what(pin).get("label", "")
    found = re.match(r"GPIO(\d+)", label)
    return int(found[1]) if found else None


def settings_agree(netlist, satellite):
    """`satellite.toml` and `config.txt` name the lines that the wires go to."""
    folder = HARDWARE / satellite
    panel = tomllib.loads((folder / "satellite.toml").read_text(encoding="utf-8"))["panel"]
    for key, pin in (("button", netlist.button), ("mute", netlist.sense)):
        if panel[key] != [gpio(netlist, pin)]:
            yield f"{satellite}/satellite.toml: panel.{key} is {panel[key]}, the wire goes to GPIO{gpio(netlist, pin)}"
    lamps = [gpio(netlist, netlist.lamp_data), gpio(netlist, netlist.lamp_clock)]
    overlays = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.dts")))
    named = [re.search(rf"{line}-gpios = <&gpio (\d+) 0>", overlays) for line in ("mosi", "sck")]
    told = [int(found[1]) for found in named if found]
    # Without an overlay of its own the lamps are on the Pi's first SPI bus: GPIO10 and GPIO11.
    if (told or [10, 11]) != lamps:
        yield f"{satellite}: the lamps' wires go to GPIO{lamps[0]} and GPIO{lamps[1]}, the overlay says {told or 'SPI0'}"


def parts_are_listed(netlist, satellite):
    """Everything in the drawing is in the parts list."""
    with open(HARDWARE / satellite / "parts.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    listed = Counter()
    for row in rows:
        here = row["in the drawing"].split()
        listed.update(here)
        if here and len(here) != int(row["quantity"]):
            yield f"{satellite}/parts.csv: {row['part']}: {row['quantity']} to buy, {len(here)} in the drawing"
    for id in netlist.parts:
        if listed[id] != 1:
            yield f"{satellite}/parts.csv: {id} is listed {listed[id]} times"
    for id in set(listed) - set(netlist.parts):
        yield f"{satellite}/parts.csv: {id} is not in the drawing"
