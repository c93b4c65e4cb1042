"""What a satellite costs: `parts.csv` added up."""

import csv
from decimal import Decimal

from netlist import HARDWARE


def total(satellite):
    """Euros for everything in the list, at the typical prices in it."""
    with open(HARDWARE / satellite / "parts.csv", encoding="utf-8", newline="") as file:
        return sum(int(row["quantity"]) * Decimal(row["euros each"]) for row in csv.DictReader(file))


def table(satellite):
    """The list as Markdown, with its total."""
    lines = ["| part | quantity | € each | € |", "|---|--:|--:|--:|"]
    with open(HARDWARE / satellite / "parts.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            each, quantity = Decimal(row["euros each"]), int(row["quantity"])
            lines.append(f"| {row['part']} | {quantity} | {each:.2f} | {each * quantity:.2f} |")
    lines.append(f"| **Total** | | | **{total(satellite):.2f}** |")
    return "\n".join(lines)
