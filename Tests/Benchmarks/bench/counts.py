"""Instructions and allocations of one operation: counted, so that a busy machine changes nothing.

A program does N operations, then more; the difference is the cost of the rest, without start and end.
"""
import json
import os
import re
import subprocess
import tempfile

from .processes import BenchError
from .programs import PACKAGE

MODES = {
    "call": "a typed call in process, 100 bytes", "actor": "the same call, of a distributed actor",
    "notify": "a notification in process, 1 KiB, in a batch",
    "json": "JSON of about 1 KiB, read and written",
}
THRESHOLDS = PACKAGE / "thresholds.json"
FEW, MORE = 200, 1200


def run(command, environment=None):
    process = subprocess.run(
        [str(part) for part in command], env={**os.environ, **(environment or {})}, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=600)
    if process.returncode:
        raise BenchError(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{process.stderr[-2000:]}")
    return process.stderr


def instructions(program, mode, count):
    with tempfile.TemporaryDirectory() as directory:
        said = run([
            "valgrind", "--tool=callgrind", f"--callgrind-out-file={directory}/out", program, mode, count])
    found = re.search(r"Collected\s*:\s*(\d+)", said)
    if not found:
        raise BenchError(f"valgrind counted nothing:\n{said[-2000:]}")
    return int(found[1])


def allocations(program, library, mode, count):
    with tempfile.NamedTemporaryFile("r") as file:
        run([program, mode, count], {"LD_PRELOAD": str(library), "COUNT_ALLOCATIONS": file.name})
        text = file.read()
    if not text:
        raise BenchError(f"{library} counted nothing in {program}.")
    return int(text)


def per_operation(measure):
    return (measure(MORE) - measure(FEW)) / (MORE - FEW)


def figures(program, library, mode):
    return [
        {"metric": "instructions", "unit": "",
         "value": per_operation(lambda count: instructions(program, mode, count))},
        {"metric": "allocations", "unit": "",
         "value": per_operation(lambda count: allocations(program, library, mode, count))},
    ]


def check(program, library):
    """Compares with the file of thresholds; returns the text of what was found, and whether all hold."""
    with open(THRESHOLDS) as file:
        thresholds = json.load(file)
    lines, good = [], True
    for mode, case in MODES.items():
        for figure in figures(program, library, mode):
            limit = thresholds[mode][figure["metric"]]
            holds = figure["value"] <= limit
            good = good and holds
            lines.append(
                f"{'holds' if holds else 'FAILS'}  {case}: {figure['value']:,.0f} {figure['metric']} (limit {limit:,})")
    if not good:
        lines.append(f"Find what was added, or, when it is worth it, raise the limit in {THRESHOLDS.name} and say why.")
    return "\n".join(lines), good
