# SPDX-License-Identifier: Apache-2.0
"""The command line that bench/compare and the scripts that start servers share."""

import argparse
import json
import sys

from . import address, comparison, load_run, loads, process_cpu, report


def add_load_options(parser):
    parser.add_argument("--load", action="append", metavar="COMMAND[:PIPELINE]",
                        help="may be repeated; default: " + " ".join(loads.DEFAULT_LOADS)
                        + "; commands: " + " ".join(sorted(loads.COMMANDS)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0,
                        help="length of one run of the slowest server; sets the request count")
    parser.add_argument("--requests", type=int, help="requests per run, instead of --seconds")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--value-bytes", type=int, default=32)
    parser.add_argument("--keyspace", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=1, help="threads of redis-benchmark")
    parser.add_argument("--load-cpus", metavar="CPUS", help="pin redis-benchmark, as taskset -c")
    parser.add_argument("--no-fill", action="store_true", help="do not set the keys first")
    parser.add_argument("--json", metavar="FILE", help="write every single figure here")


def compare_parser():
    parser = argparse.ArgumentParser(
        description="Runs the same load against every address in alternation and prints ratios "
        "of throughput, latency and CPU per request. The first address is the baseline.")
    parser.add_argument("addresses", nargs="+", type=parsed_by(address.Address),
                        metavar="name=host:port[,pid=PID][,auth=PASSWORD][,tls=yes]")
    add_load_options(parser)
    return parser


def parsed_by(kind):
    def parse(text):
        try:
            return kind(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
    return parse


def compare(addresses, options):
    """Runs all loads, prints the table and returns the results."""
    chosen = [loads.Load(text) for text in options.load or loads.DEFAULT_LOADS]
    settings = load_run.Settings(options.clients, options.value_bytes, options.keyspace,
                                 options.load_cpus, options.threads)
    if not options.no_fill:
        for one in addresses:
            load_run.fill(one, settings)

    def run(one, load, requests):
        return load_run.run_load(one, load, requests, settings)

    results = []
    for load in chosen:
        print(f"{load}: {options.rounds} rounds of {len(addresses)} servers", file=sys.stderr)
        results.append(comparison.compare_load(addresses, load, options.rounds, run,
                                               options.seconds, options.requests))
    print(report.table(results))
    if options.json:
        write_json(options.json, results, options)
    return results


def write_json(path, results, options):
    for result in results:
        result["summary"] = comparison.summarize(result)
    settings = {name: getattr(options, name)
                for name in ("rounds", "clients", "value_bytes", "keyspace", "threads")}
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"settings": settings, "results": results}, file, indent=2)
        file.write("\n")


def run_or_explain(work):
    """Exit status of `work()`: 0, or 1 and a line that says what went wrong."""
    try:
        work()
    except (load_run.RunFailed, process_cpu.ProcessGone, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
