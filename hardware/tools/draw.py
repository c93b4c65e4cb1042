"""Draws a netlist as `wiring.svg`: the board's header in the middle, parts on both sides, one upright track a net.

Where two wires meet there is a dot; where they only cross there is a gap.
"""

from dataclasses import dataclass
from html import escape

from netlist import split

ROW = 22  # of a pin
HEAD = 40  # of a part's title
FOOT = 10
GAP = 24  # between parts
WIDE = 236  # a part
TRACK = 17  # between two upright wires
HEADER_ROW = 30
MARGIN = 36
TITLE = 96
FONT = "font-family='DejaVu Sans, Verdana, sans-serif'"

# Drawn around the middle of a part with two pins, one above the other.
SYMBOLS = {
    "resistor": "<path d='M0 -16 V-9 M0 9 V16'/><rect x='-4.5' y='-9' width='9' height='18' rx='1.5'/>",
    "capacitor": "<path d='M0 -16 V-3 M0 3 V16 M-10 -3 H10 M-10 3 H10'/>",
    "speaker": "<path d='M-9 -6 H-3 L6 -13 V13 L-3 6 H-9 Z M11 -5 A7 7 0 0 1 11 5 M15 -9 A12 12 0 0 1 15 9'/>",
    "button": "<path d='M0 -16 V-9 M0 9 V16 M8 -9 V9 M8 0 H14 M14 -4 V4'/><circle cy='-6.5' r='2.5'/><circle cy='6.5' r='2.5'/>",
}


def svg(netlist):
    """The drawing, as text."""
    return _Drawing(netlist).text()


@dataclass(frozen=True)
class _Wire:
    """A net, or that part of it which runs on one side of the header."""

    name: str
    colour: str
    side: str
    pins: tuple


class _Drawing:
    def __init__(self, netlist):
        self.netlist = netlist
        self.sides = {side: [id for id, part in netlist.parts.items() if part.side == side] for side in ("left", "right")}
        self.plugged = {id for id, part in netlist.parts.items() if part.plugs}
        self.wires = [wire for net in netlist.nets if not self._is_plugged(net) for wire in self._sides_of(net)]
        self.at = {}  # pin of a part → (x, y)
        self.boxes = {}  # part → (x, y, height, pins)
        self._place()
        self.tracks = {side: self._tracks(side) for side in ("left", "right")}

    def _is_plugged(self, net):
        """Whether it only joins the header and what is plugged on it; the JST plugs and pads are wires."""
        parts = {split(pin)[0] for pin in net.pins}
        return bool(parts & self.plugged) and self.netlist.board in parts

    def _shown(self, id):
        used = {pin for net in self.wires for pin in net.pins}
        return [pin for pin in self.netlist.parts[id].pins if f"{id}.{pin}" in used or id == self.netlist.switch]

    def _place(self):
        heights = {
            side: sum(HEAD + ROW * len(self._shown(id)) + FOOT + GAP for id in ids) - GAP
            for side, ids in self.sides.items()
        }
        header = 20 * HEADER_ROW + HEAD + 8
        self.inner = max(header, *heights.values())
        channels = {side: self._channel(side) for side in self.sides}
        left = WIDE + channels["left"] if self.sides["left"] else 0
        self.header_x = MARGIN + left
        self.header_wide = 300
        right = WIDE + channels["right"] if self.sides["right"] else 0
        self.width = self.header_x + self.header_wide + right + MARGIN
        self.height = TITLE + self.inner + MARGIN + 64
        self.header_y = TITLE + (self.inner - header) / 2
        for side, ids in self.sides.items():
            y = TITLE + (self.inner - heights[side]) / 2
            x = MARGIN if side == "left" else self.width - MARGIN - WIDE
            for id in ids:
                pins = self._shown(id)
                high = HEAD + ROW * len(pins) + FOOT
                self.boxes[id] = (x, y, high, pins)
                for row, pin in enumerate(pins):
                    edge = x + WIDE if side == "left" else x
                    self.at[f"{id}.{pin}"] = (edge, y + HEAD + ROW * (row + 0.5))
                y += high + GAP

    def _sides_of(self, net):
        """The net's wires: one for each side that it has parts on. The header is where they meet."""
        sides = {side: [] for side in ("left", "right", "board")}
        for pin in net.pins:
            sides[self.netlist.parts[split(pin)[0]].side].append(pin)
        header = sides.pop("board")
        used = {side: pins for side, pins in sides.items() if pins}
        if len(used) > 1 and not header:
            raise SystemExit(f"the net “{net.name}” cannot be drawn: it has parts on both sides and no pin of the header")
        return [_Wire(net.name, net.colour, side, tuple(header + pins)) for side, pins in used.items()]

    def _spot(self, wire, pin):
        """Where a wire ends at a pin: at the part's edge, or at the header's edge on the wire's side."""
        part, number = split(pin)
        return self._header_pin(int(number), wire.side) if part == self.netlist.board else self.at[pin]

    def _channel(self, side):
        return TRACK * (sum(wire.side == side for wire in self.wires) + 1) + 40

    def _square(self, number):
        """Middle of a pin's square: odd numbers on the left, as on the board."""
        row, column = divmod(number - 1, 2)
        middle = self.header_x + self.header_wide / 2
        return middle + (11 if column else -11), self.header_y + HEAD + HEADER_ROW * (row + 0.5)

    def _header_pin(self, number, side):
        """Where a wire leaves the header: straight on its own side, between two rows on the other."""
        _, y = self._square(number)
        own = "right" if number % 2 == 0 else "left"
        edge = self.header_x + (self.header_wide if side == "right" else 0)
        return edge, y + (0 if side == own else HEADER_ROW / 2)

    def _tracks(self, side):
        """x of each net's upright wire: the order with the fewest crossings that swapping finds."""
        wires = [wire for wire in self.wires if wire.side == side]
        order = sorted(wires, key=lambda wire: min(self._spot(wire, pin)[1] for pin in wire.pins))
        best = self._crossings(order, side)
        improved = True
        while improved:
            improved = False
            for i in range(len(order)):
                for j in range(i + 1, len(order)):
                    order[i], order[j] = order[j], order[i]
                    now = self._crossings(order, side)
                    if now < best:
                        best, improved = now, True
                    else:
                        order[i], order[j] = order[j], order[i]
        if side == "left":
            first = self.header_x - 20 - TRACK * len(order)
        else:
            first = self.header_x + self.header_wide + 20 + TRACK
        return {wire: first + TRACK * i for i, wire in enumerate(order)}

    def _crossings(self, order, side):
        """How often a level wire crosses another's upright one."""
        spot = {wire: [self._spot(wire, pin)[1] for pin in wire.pins] for wire in order}
        crossings = 0
        for place, wire in enumerate(order):
            for pin, y in zip(wire.pins, spot[wire]):
                from_left = (split(pin)[0] == self.netlist.board) == (side == "right")
                for other in order[:place] if from_left else order[place + 1 :]:
                    crossings += min(spot[other]) <= y <= max(spot[other])
        return crossings

    # What follows writes SVG.

    def text(self):
        n, w, h = self.netlist, self.width, self.height
        body = [
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {w:g} {h:g}' width='{w:g}' height='{h:g}' {FONT}>",
            f"<title>{escape(n.title)}: wiring</title>",
            "<!-- Drawn from netlist.toml by hardware/tools; change that, not this. -->",
            f"<rect width='{w:g}' height='{h:g}' fill='#fbfaf7'/>",
            f"<text x='{MARGIN}' y='50' font-size='26' font-weight='bold' fill='#22303c'>{escape(n.title)}</text>",
            f"<text x='{MARGIN}' y='74' font-size='13' fill='#5c6770'>Wiring. A dot joins; without a dot wires only cross."
            " Pin 1 of the header is at its upper left, next to the SD card.</text>",
        ]
        body += self._header()
        for id in self.boxes:
            body += self._part(id)
        # All halos first: a wire's halo must not cut a wire of its own net.
        for wire in sorted(self.wires, key=lambda wire: self.tracks[wire.side][wire]):
            body += self._wire(wire)
        for wire in self.wires:
            body += self._dots(wire)
        body += self._mute_note()
        return "\n".join(body + ["</svg>", ""])

    def _header(self):
        n, board = self.netlist, self.netlist.parts[self.netlist.board]
        x, y, wide = self.header_x, self.header_y, self.header_wide
        high = HEAD + 20 * HEADER_ROW + 8
        colours = {pin: net.colour for net in n.nets for pin in net.pins}
        on_top = [n.parts[id].name for id in sorted(self.plugged)]
        out = [
            f"<rect x='{x:g}' y='{y:g}' width='{wide}' height='{high}' rx='12' fill='#eaf4ee' stroke='#9dc3ad' stroke-width='1.5'/>",
            self._words(x + wide / 2, y + 25, board.name, 15, "#22303c", "middle", bold=True),
        ]
        for name in on_top:
            middle = x + wide / 2
            out.append(
                f"<rect x='{middle - 24:g}' y='{y + HEAD - 2:g}' width='48' height='{20 * HEADER_ROW + 4}' rx='8' fill='#ffffff' "
                "fill-opacity='0.75' stroke='#7a8b96' stroke-dasharray='5 4'/>"
            )
            sideways = f"transform='rotate(-90 {x + 20:g} {y + high / 2:g})'"
            words = self._words(x + 20, y + high / 2, f"the {name} plugs onto all forty pins", 11, "#5c6770", "middle")
            out.append(words.replace("<text ", f"<text {sideways} "))
        for number in range(1, 41):
            sx, sy = self._square(number)
            pin = f"{n.board}.{number}"
            colour = colours.get(pin)
            out.append(
                f"<rect x='{sx - 9:g}' y='{sy - 9:g}' width='18' height='18' rx='{2 if number == 1 else 9}' "
                f"fill='{colour or '#ffffff'}' stroke='{colour or '#b9c2c9'}'/>"
            )
            out.append(self._words(sx, sy + 3.5, str(number), 9, "#ffffff" if colour else "#98a3ab", "middle"))
            if colour:
                label, odd = n.what(pin)["label"], number % 2
                out.append(self._words(sx + (-16 if odd else 16), sy + 4, label, 11, "#22303c", "end" if odd else "start"))
        return out

    def _part(self, id):
        part, (x, y, high, pins) = self.netlist.parts[id], self.boxes[id]
        mute = id == self.netlist.switch
        fill, edge = ("#fdf0f7", "#b5179e") if mute else ("#ffffff", "#c3cbd1")
        out = [f"<rect x='{x:g}' y='{y:g}' width='{WIDE}' height='{high:g}' rx='10' fill='{fill}' stroke='{edge}' stroke-width='1.5'/>"]
        side = part.side
        near, anchor = (x + WIDE - 12, "end") if side == "left" else (x + 12, "start")
        out.append(self._words(near, y + 19, part.name, 13, "#22303c", anchor, bold=True))
        if part.note:
            out.append(self._words(near, y + 34, part.note, 9.5, "#76828a", anchor))
        for pin in pins:
            _, py = self.at[f"{id}.{pin}"]
            out.append(self._words(near, py + 4, part.pins[pin].get("label", pin), 11, "#3d4a54", anchor))
        if mute:
            out += self._levers(x, side)
        elif part.kind in SYMBOLS:
            middle = sum(self.at[f"{id}.{pin}"][1] for pin in pins) / len(pins)
            across = x + WIDE - 112 if side == "left" else x + 112
            out.append(
                f"<g transform='translate({across:g} {middle:g})' fill='none' stroke='#8a959d' stroke-width='1.6' "
                f"stroke-linecap='round'>{SYMBOLS[part.kind]}</g>"
            )
        return out

    def _levers(self, x, side):
        """The two poles, drawn as they stand while the satellite hears."""
        out, inward = [], 1 if side == "right" else -1
        start = x + 130 if side == "right" else x + WIDE - 130
        for pole in ("1", "2"):
            places = {end: self.at.get(f"{self.netlist.switch}.{pole}{end}") for end in "HCM"}
            common, muted = places["C"][1], places["M"][1]
            hears = places["H"][1] if places["H"] else 2 * common - muted
            far = start + inward * 46
            for y in (hears, muted):
                out.append(f"<circle cx='{start:g}' cy='{y:g}' r='3.4' fill='#fdf0f7' stroke='#b5179e' stroke-width='1.5'/>")
            out.append(f"<circle cx='{far:g}' cy='{common:g}' r='3.4' fill='#b5179e'/>")
            out.append(
                f"<path d='M{far:g} {common:g} L{start + inward * 3:g} {hears + 3:g}' stroke='#b5179e' stroke-width='2.6' "
                "stroke-linecap='round'/>"
            )
            out.append(
                f"<path d='M{far:g} {common:g} L{start + inward * 3:g} {muted - 3:g}' stroke='#b5179e' stroke-width='1.2' "
                "stroke-dasharray='3 3' fill='none'/>"
            )
        return out

    def _paths(self, wire, within=True):
        """The wire's path; without what is `within` the header."""
        track = self.tracks[wire.side][wire]
        ys = [self._spot(wire, pin)[1] for pin in wire.pins]
        paths = [f"M{track:g} {min(ys):g} V{max(ys):g}"] if max(ys) > min(ys) else []
        for pin in wire.pins:
            x, y = self._spot(wire, pin)
            part, number = split(pin)
            if part != self.netlist.board or not within:
                paths.append(f"M{x:g} {y:g} H{track:g}")
                continue
            sx, sy = self._square(int(number))
            if sy == y:
                paths.append(f"M{self._label_end(pin, x):g} {y:g} H{track:g}")
            else:  # down between the rows, and under the other column
                paths.append(f"M{sx:g} {sy + 9:g} V{y:g} H{track:g}")
        return paths

    def _label_end(self, pin, edge):
        """A straight wire begins beyond the pin's label."""
        sx, _ = self._square(int(split(pin)[1]))
        length = 26 + 7.2 * len(self.netlist.what(pin)["label"])
        return min(sx + length, edge - 8) if edge > sx else max(sx - length, edge + 8)

    def _wire(self, wire):
        d = " ".join(self._paths(wire))
        return [
            f"<path d='{' '.join(self._paths(wire, within=False))}' fill='none' stroke='#fbfaf7' stroke-width='6'/>",
            f"<path d='{d}' fill='none' stroke='{wire.colour}' stroke-width='2.4' stroke-linecap='round' stroke-linejoin='round'>"
            f"<title>{escape(wire.name)}</title></path>",
        ]

    def _dots(self, wire):
        track = self.tracks[wire.side][wire]
        ys = sorted(self._spot(wire, pin)[1] for pin in wire.pins)
        meeting = ys[1:-1] + [y for y in (ys[0], ys[-1]) if ys.count(y) > 1 and len(ys) > 2]
        dots = [f"<circle cx='{track:g}' cy='{y:g}' r='4' fill='{wire.colour}'/>" for y in dict.fromkeys(meeting)]
        for pin in wire.pins:
            if split(pin)[0] != self.netlist.board:
                x, y = self.at[pin]
                dots.append(f"<circle cx='{x:g}' cy='{y:g}' r='4.2' fill='#ffffff' stroke='{wire.colour}' stroke-width='2'/>")
        return dots

    def _mute_note(self):
        y = self.height - 52
        lines = [
            "The mute switch is real: pole 1 takes the microphone's supply away and lays it on ground, so that nothing on its",
            "other wires can feed it; pole 2 only tells the satellite. No software can reach either.",
        ]
        return [self._words(MARGIN, y + 18 * i, line, 12, "#7a2269", "start") for i, line in enumerate(lines)]

    @staticmethod
    def _words(x, y, words, size, colour, anchor, bold=False):
        weight = " font-weight='bold'" if bold else ""
        return f"<text x='{x:g}' y='{y:g}' font-size='{size}'{weight} fill='{colour}' text-anchor='{anchor}'>{escape(words)}</text>"
