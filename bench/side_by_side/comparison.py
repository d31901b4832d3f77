# SPDX-License-Identifier: Apache-2.0
"""Alternating rounds and the figures that come out of them.

Every round runs the load once against every address, each round starting one address later, so
that drift of the machine meets all of them alike. Ratios are taken inside a round, between
neighbours in time, and their median is reported.
"""

import statistics

MEASURES = ["rps", "p50_ms", "p99_ms", "cpu_us"]
CALIBRATION_REQUESTS = 20_000


def order_of_round(addresses, number):
    start = number % len(addresses)
    return addresses[start:] + addresses[:start]


def requests_for(rps, seconds, load):
    """Requests that take about `seconds` at `rps`, in whole batches of 1000 pipelines."""
    step = 1000 * load.pipeline
    return max(step, int(rps * seconds) // step * step)


def compare_load(addresses, load, rounds, run, seconds=None, requests=None):
    """run(address, load, requests) -> figures. Returns requests and figures by name and round."""
    if requests is None:
        first = [run(address, load, CALIBRATION_REQUESTS)["rps"] for address in addresses]
        requests = requests_for(min(first), seconds, load)
    samples = {address.name: [] for address in addresses}
    for number in range(rounds):
        for address in order_of_round(addresses, number):
            samples[address.name].append(run(address, load, requests))
    return {"load": str(load), "requests": requests, "samples": samples}


def median_of(samples, measure):
    values = [sample[measure] for sample in samples if measure in sample]
    return statistics.median(values) if values else None


def spread_of(samples, measure):
    """(largest - smallest) / median: what a difference has to exceed to mean something."""
    values = [sample[measure] for sample in samples if measure in sample]
    median = statistics.median(values) if values else 0
    return (max(values) - min(values)) / median if median else None


def ratio_of(samples, baseline, measure):
    pairs = zip(samples, baseline)
    ratios = [
        one[measure] / base[measure]
        for one, base in pairs
        if measure in one and base.get(measure)
    ]
    return statistics.median(ratios) if ratios else None


def summarize(result):
    """One row per address: medians, spreads and ratios to the first address."""
    names = list(result["samples"])
    baseline = result["samples"][names[0]]
    rows = []
    for name in names:
        samples = result["samples"][name]
        row = {"name": name}
        for measure in MEASURES:
            row[measure] = median_of(samples, measure)
            row[measure + "_spread"] = spread_of(samples, measure)
            row[measure + "_ratio"] = ratio_of(samples, baseline, measure)
        rows.append(row)
    return rows
