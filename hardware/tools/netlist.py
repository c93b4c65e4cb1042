"""A satellite's wiring as data: parts with pins, and nets that join pins.

`netlist.toml` names the parts and nets of one satellite, `kinds.toml` says what each pin gives and takes.
Pins are written "part.pin", as in "mic.VDD". Nothing is judged here: that is `rules.py`.
"""

import heapq
import tomllib
from dataclasses import dataclass
from pathlib import Path

HARDWARE = Path(__file__).resolve().parent.parent
SATELLITES = ("bonnet", "ring")


@dataclass(frozen=True)
class Part:
    """One thing to buy and connect."""

    id: str
    kind: str
    name: str
    note: str
    pins: dict  # pin → what kinds.toml says of it
    ohms: float | None  # of a resistor
    side: str  # of the drawing
    plugs: bool  # sits on the board's header, needing no wires to it
    about: dict  # the rest of its kind

    @property
    def passages(self):
        """What lets current through: (pin, pin, ohms)."""
        for passage in self.about.get("through", []):
            a, b = passage["between"]
            yield a, b, passage.get("ohms", self.ohms)


@dataclass(frozen=True)
class Net:
    """Pins that one wire joins."""

    name: str
    colour: str
    pins: tuple


class Netlist:
    """A satellite's parts and nets, and what is connected to what."""

    def __init__(self, document, kinds):
        self.title = document["title"]
        self.board = document["board"]
        self.switch = document["switch"]
        self.microphone = document["microphone"]
        self.sense, self.button = document["sense"], document["button"]
        self.lamp_data, self.lamp_clock = document["lamp_data"], document["lamp_clock"]
        self.parts = {id: self._part(id, part, kinds) for id, part in document["parts"].items()}
        self._joints = {}
        self.nets = [Net(net["name"], net["colour"], tuple(net["pins"])) for net in document["nets"]]
        self._ground = {pin for net in self.nets if any(map(self._is_ground, net.pins)) for pin in net.pins}

    @staticmethod
    def _part(id, part, kinds):
        kind = kinds[part["kind"]]
        ohms = part.get("ohms")
        name = part.get("name", kind["name"])
        if ohms:
            name += f"  {ohms // 1000} kΩ" if ohms >= 1000 else f"  {ohms} Ω"
        about = {key: value for key, value in kind.items() if key not in ("name", "pins")}
        pins = {str(pin): dict(what) for pin, what in kind["pins"].items()}
        side = part.get("side", "board")
        return Part(id, part["kind"], name, part.get("note", ""), pins, ohms, side, part.get("plugs", False), about)

    @classmethod
    def load(cls, satellite):
        """The netlist of "bonnet" or "ring"."""
        return cls(document(satellite), kinds())

    def what(self, pin):
        """What kinds.toml says of "part.pin"."""
        part, name = split(pin)
        return self.parts[part].pins[name]

    def pins(self):
        """Every pin of every part."""
        return [f"{id}.{pin}" for id, part in self.parts.items() for pin in part.pins]

    def positions(self):
        """Names of the mute switch's positions."""
        return list(self.parts[self.switch].about["positions"])

    def joints(self, position):
        """What is connected with what while the switch stands at `position`: pin → [(pin, ohms)]."""
        if position in self._joints:
            return self._joints[position]
        joints = self._joints[position] = {pin: [] for pin in self.pins()}

        def join(pins, ohms=0):
            for a, b in zip(pins, pins[1:]):
                joints[a].append((b, ohms))
                joints[b].append((a, ohms))

        for net in self.nets:
            join([pin for pin in net.pins if pin in joints])
        for id, part in self.parts.items():
            for group in part.about.get("joined", []):
                join([f"{id}.{pin}" for pin in group["pins"]])
            for a, b, ohms in part.passages:
                join([f"{id}.{a}", f"{id}.{b}"], ohms)
            for contact in part.about.get("positions", {}).get(position, []):
                join([f"{id}.{pin}" for pin in contact])
        return joints

    def reach(self, pin, position, most=float("inf")):
        """Every pin that `pin` is connected with through at most `most` ohms, and through how many (Dijkstra)."""
        joints, ohms, queue = self.joints(position), {}, [(0, pin)]
        ground = self._ground  # whatever comes there ends there
        while queue:
            so_far, here = heapq.heappop(queue)
            if here in ohms or so_far > most:
                continue
            ohms[here] = so_far
            for there, more in joints[here]:
                if here not in ground or there in ground:
                    heapq.heappush(queue, (so_far + more, there))
        return ohms

    def _is_ground(self, pin):
        part, name = split(pin)
        return bool(self.parts.get(part) and self.parts[part].pins.get(name, {}).get("ground"))


def split(pin):
    """("mic", "VDD") of "mic.VDD"."""
    part, _, name = pin.partition(".")
    return part, name


def document(satellite):
    return tomllib.loads((HARDWARE / satellite / "netlist.toml").read_text(encoding="utf-8"))


def kinds():
    return tomllib.loads((HARDWARE / "kinds.toml").read_text(encoding="utf-8"))
