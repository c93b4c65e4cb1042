"""Each rule is broken once, and says so. Run: python3 -m unittest discover hardware/tools"""

import copy
import pathlib
import tempfile
import unittest

import draw
import netlist as wiring
import parts
import rules


def broken(satellite, change):
    """What the rules say of a satellite after `change` was made to its document and kinds."""
    document, kinds = copy.deepcopy(wiring.document(satellite)), copy.deepcopy(wiring.kinds())
    change(document, kinds)
    return rules.problems(wiring.Netlist(document, kinds))


def net(document, name):
    return next(net for net in document["nets"] if net["name"] == name)


class Rules(unittest.TestCase):
    def says(self, satellite, change, words):
        found = broken(satellite, change)
        self.assertTrue(any(words in what for what in found), f"nothing says “{words}”: {found}")

    def test_both_satellites_are_right(self):
        for satellite in wiring.SATELLITES:
            self.assertEqual(broken(satellite, lambda document, kinds: None), [])

    def test_a_pin_is_used_once_exists_and_is_not_forgotten(self):
        self.says("ring", lambda d, k: net(d, "button")["pins"].append("pi.12"), "pi.12 is in 2 nets")
        self.says("ring", lambda d, k: net(d, "button")["pins"].append("pi.41"), "there is no pin pi.41")
        self.says("ring", lambda d, k: net(d, "5V")["pins"].remove("lamps.VCC"), "lamps.VCC is connected to nothing")
        self.says("ring", lambda d, k: d["nets"].append({"name": "x", "colour": "", "pins": ["pi.15"]}), "joins nothing")

    def test_volts_agree(self):
        def five_volts_for_the_microphone(document, kinds):
            net(document, "3V3")["pins"][0] = "pi.4"
            kinds["raspberry-pi-zero-2-w"]["pins"]["1"]["spare"] = True

        self.says("ring", five_volts_for_the_microphone, "mic.VDD takes 1.62 to 3.63 V and gets 4.78 V from pi.4")

        # Without the level shifter the lamps may not hear 3.3 V.
        def straight_to_the_lamps(document, kinds):
            net(document, "lamp data")["pins"][1] = "lamps.DI"
            net(document, "lamp data at 5 V")["pins"][1] = "shift.2"

        self.says("ring", straight_to_the_lamps, "lamps.DI counts 3.5 V and more as high; pi.19 gives 3.3 V")

        def five_volts_into_the_board(document, kinds):
            net(document, "button")["pins"].append("shift.8")

        self.says("ring", five_volts_into_the_board, "pi.11 bears 3.6 V; shift.8 gives 5.0 V")

        def short(document, kinds):
            net(document, "5V")["pins"].append("pi.14")

        self.says("ring", short, "short-circuited to ground")

        def two_drive(document, kinds):
            net(document, "lamp data at 5 V")["pins"].append("shift.8")

        self.says("ring", two_drive, "drive against each other")

    def test_what_a_driver_expects_is_where_it_expects_it(self):
        def clocks_swapped(document, kinds):
            net(document, "bit clock")["pins"][0] = "pi.35"
            net(document, "word clock")["pins"][0] = "pi.12"

        self.says("ring", clocks_swapped, "amp.BCLK belongs at “bit clock”")

    def test_mute_must_be_real(self):
        def supply_past_the_switch(document, kinds):
            net(document, "3V3 behind R1")["pins"].append("mic.VDD")
            net(document, "microphone supply")["pins"] = ["mute.1C", "pi.15"]

        self.says("ring", supply_past_the_switch, "muted: mic.VDD is not held at ground")

        def merely_open(document, kinds):
            for pins in (net["pins"] for net in document["nets"]):
                if "mute.1M" in pins:
                    pins.remove("mute.1M")
            kinds["slide-switch"]["pins"]["1M"]["spare"] = True

        for satellite in wiring.SATELLITES:
            self.says(satellite, merely_open, "is not held at ground, so that its signals could still feed it")

        def sense_forgotten(document, kinds):
            for pins in (net["pins"] for net in document["nets"]):
                if "mute.2M" in pins:
                    pins[pins.index("mute.2M")] = "mute.2H"
            kinds["slide-switch"]["pins"]["2M"]["spare"] = True

        for satellite in wiring.SATELLITES:
            self.says(satellite, sense_forgotten, "muted: the sense pin")
            self.says(satellite, sense_forgotten, "hears: the sense pin")

        def fed_through_the_clock(document, kinds):
            net(document, "bit clock")["pins"].append("mic.SCK")
            net(document, "bit clock to the microphone")["pins"] = ["r2.2", "pi.15"]

        self.says("ring", fed_through_the_clock, "pi.12 could feed the microphone through mic.SCK")

        def small_resistor(document, kinds):
            document["parts"]["r2"]["ohms"] = 47

        self.says("ring", small_resistor, "put 470 Ω or more between")

        def sensed_at_the_supply(document, kinds):
            net(document, "microphone supply")["pins"].append("pi.13")
            net(document, "mute sense")["pins"] = ["pi.15", "mute.2C"]

        self.says("ring", sensed_at_the_supply, "could feed the microphone")

    def test_currents_suffice(self):
        def too_many_lamps(document, kinds):
            kinds["apa102-ring-12"]["pins"]["VCC"]["ma"] = 1440

        self.says("ring", too_many_lamps, "pi.2 gives 1800 mA")
        self.says("ring", too_many_lamps, "the power supply gives 2500 mA")

    def test_each_part_has_a_number_and_a_price(self):
        with tempfile.TemporaryDirectory() as folder:
            hardware = pathlib.Path(folder)
            (hardware / "ring").mkdir()

            def sum_of(*lines):
                (hardware / "ring/parts.csv").write_text("\n".join(["part,quantity,euros each", *lines]), encoding="utf-8")
                return sum(quantity * each for _, quantity, each in parts.rows("ring", hardware))

            self.assertEqual(str(sum_of("Screw,4,0.08", "Lamp,1,6.50")), "6.82")
            for line in ["Lamp,1,", "Lamp,,6.50", "Lamp,1,cheap", "Lamp,0,6.50", "Lamp,1,-1", "Lamp", ",1,6.50", "Lamp,1,NaN"]:
                with self.assertRaisesRegex(SystemExit, "line 3", msg=line):
                    sum_of("Screw,4,0.08", line)

    def test_a_drawing_shows_every_wire_and_part(self):
        for satellite in wiring.SATELLITES:
            netlist = wiring.Netlist.load(satellite)
            drawing = draw.svg(netlist)
            for part in netlist.parts.values():
                self.assertIn(part.name, drawing)
            for wire in draw._Drawing(netlist).wires:
                self.assertIn(f"<title>{wire.name}</title>", drawing)


if __name__ == "__main__":
    unittest.main()
