# SPDX-License-Identifier: Apache-2.0
"""The comparison as a Markdown table, for the terminal and for README files alike."""

from . import comparison

HEADER = [
    "load", "server", "req/s", "ratio", "p50 ms", "p99 ms", "p99 ratio",
    "CPU us/req", "CPU ratio", "CPU spread",
]


def number(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def percent(value):
    return "-" if value is None else f"{value * 100:.0f} %"


def cells(load, row):
    return [
        load,
        row["name"],
        number(row["rps"], 0),
        number(row["rps_ratio"], 2),
        number(row["p50_ms"], 3),
        number(row["p99_ms"], 3),
        number(row["p99_ms_ratio"], 2),
        number(row["cpu_us"], 3),
        number(row["cpu_us_ratio"], 2),
        percent(row["cpu_us_spread"]),
    ]


def table(results):
    lines = [HEADER, ["---"] * 2 + ["---:"] * (len(HEADER) - 2)]
    for result in results:
        lines += [cells(result["load"], row) for row in comparison.summarize(result)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    return "\n".join(align(line, widths) for line in lines)


def align(line, widths):
    padded = [
        cell.ljust(width) if column < 2 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(line, widths))
    ]
    return "| " + " | ".join(padded) + " |"
