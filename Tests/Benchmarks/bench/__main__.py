"""The suite's command; ./Tests/bench runs it after it has installed what is needed. See --help."""
import argparse
import datetime
import json
import os
import platform
import signal
import sys
import time

from . import bars, broker, counts, programs
from .groups import GROUPS
from .processes import BenchError
from .results import Results, tables
from .suite import Suite
from .world import World


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="Tests/bench", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures Switchboard beside its peers, in one run on one broker, in turn, over several rounds. "
                    "Prints medians [least..most] over the rounds, and our figure divided by each peer's, round by "
                    "round: on a machine that does other things too, trust the ratios.",
        epilog="Exit codes: 0 when it measured, whatever the figures; 1 when something could not be measured, or with "
               "--check-counts a threshold was passed; 2 for wrong arguments.")
    parser.add_argument("--only", action="append", choices=list(GROUPS), metavar="GROUP", default=[],
                        help=f"only this group; may be given again. There are: {', '.join(GROUPS)}")
    parser.add_argument("--quick", action="store_true", help="less of everything: minutes instead of an hour")
    parser.add_argument("--rounds", type=int, metavar="N", help="how many rounds (5, with --quick 2)")
    parser.add_argument("--json", metavar="FILE", help="writes all rows and bars there")
    parser.add_argument("--plot", metavar="PNG", help="draws the figures there")
    parser.add_argument("--check-counts", action="store_true",
                        help="only compares instructions and allocations of an operation with thresholds.json")
    # For ./Tests/bench: what the run needs, and no run.
    parser.add_argument("--needs", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds is at least 1.")
    options.groups = options.only or list(GROUPS)
    options.rounds = options.rounds or (2 if options.quick else 5)
    return options


def needs(options):
    if options.check_counts:
        print("debian valgrind")
        return
    for group in map(GROUPS.get, options.groups):
        for package in group.debian:
            print("debian", package)
        for name in group.venvs:
            print("venv", name)
    if options.plot:
        print("venv plot")


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def machine():
    with open("/proc/cpuinfo") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return {
        "processors": os.cpu_count(), "model": models[0] if models else platform.machine(),
        "system": platform.platform(), "load": os.getloadavg(),
    }


def measure(options):
    results = Results()
    made = programs.Programs(say)
    failures = []
    running = None
    # What needs most virtual hosts says how many the broker has.
    hosts = max([group.lines for group in map(GROUPS.get, options.groups) if group.lines is not None], default=None)
    try:
        if hosts is not None:
            say(f"Starting a broker with {hosts + 1} virtual hosts")
            running = broker.Broker(broker.lines(hosts))
        for name in options.groups:
            world = World(made, Suite(results, options.rounds, say), running, options.quick)
            try:
                GROUPS[name].function(world)
            except BenchError as error:
                failures.append(f"{name}: {error}")
                say(f"FAILED {name}: {error}")
    except KeyboardInterrupt:
        # What was measured is worth something.
        failures.append("the rest: interrupted")
    finally:
        if running:
            running.stop()
    return results, failures


def check_counts():
    # Without the RabbitMQ driver: it is not counted, and takes most of the time to build.
    scratch = programs.ROOT / ".build/bench-counts"
    program = programs.swift("counts-bench", "--disable-default-traits", scratch=scratch)
    text, good = counts.check(program, programs.Programs(say)("count_allocations"))
    print(text)
    return 0 if good else 1


def main(arguments):
    options = parse(arguments)
    if options.needs:
        needs(options)
        return 0
    if options.check_counts:
        return check_counts()
    about = {"started": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
             "rounds": options.rounds, "quick": options.quick, "machine": machine()}
    results, failures = measure(options)
    about["machine"]["load at the end"] = os.getloadavg()
    judged = bars.judged(results)
    print(tables(results))
    print(bars.text(judged))
    print(f"\n{about['machine']['processors']} processors ({about['machine']['model']}), load "
          f"{about['machine']['load'][0]:.1f} at the start and {os.getloadavg()[0]:.1f} at the end, "
          f"{options.rounds} rounds{', quick' if options.quick else ''}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump({**about, "rows": results.as_data(), "bars": judged, "failures": failures}, file, indent=1)
            file.write("\n")
    if options.plot:
        from .plot import draw
        draw(results, options.plot)
    for failure in failures:
        print(f"Not measured: {failure}", file=sys.stderr)
    return 1 if failures else 0


def interrupted(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    # Then too the broker is stopped and its files are removed.
    signal.signal(signal.SIGTERM, interrupted)
    try:
        sys.exit(main(sys.argv[1:]))
    except BenchError as error:
        print(f"Tests/bench: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
