"""What a satellite costs: `parts.csv` added up."""

import csv
from decimal import Decimal, InvalidOperation

from netlist import HARDWARE


def rows(satellite, hardware=HARDWARE):
    """Each line of the list: what it is, how many, euros for one. Ends with a message at a line that does not say so."""
    with open(hardware / satellite / "parts.csv", encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                quantity, each = int(row["quantity"]), Decimal(row["euros each"])
                if not row["part"] or quantity < 1 or not 0 < each < 1000:
                    raise ValueError
            except (KeyError, TypeError, ValueError, InvalidOperation):
                raise SystemExit(f"{satellite}/parts.csv, line {number}: wants a part, how many, and a price as in 2.50")
            yield row["part"], quantity, each


def total(satellite):
    """Euros for everything in the list, at the typical prices in it."""
    return sum(quantity * each for _, quantity, each in rows(satellite))


def table(satellite):
    """The list as Markdown, with its total."""
    lines = ["| part | quantity | € each | € |", "|---|--:|--:|--:|"]
    lines += [f"| {part} | {quantity} | {each:.2f} | {each * quantity:.2f} |" for part, quantity, each in rows(satellite)]
    lines.append(f"| **Total** | | | **{total(satellite):.2f}** |")
    return "\n".join(lines)
