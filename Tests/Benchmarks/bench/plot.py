"""Draws the figures, with the matplotlib of a virtual environment of its own."""
import json
import os
import subprocess
import sys
import tempfile

from .processes import BenchError
from .results import US, Results, Row

PEERS = [US, "c lib", "c codec", "go amqp091", "pika", "oslo.messaging"]
COLOURS = {US: "#d9480f", "c lib": "#495057", "c codec": "#868e96", "go amqp091": "#1c7ed6", "pika": "#5c940d",
           "oslo.messaging": "#ae3ec9"}


def draw(results, path):
    """Has the interpreter that SWITCHBOARD_PLOT_PYTHON names draw."""
    python = os.environ.get("SWITCHBOARD_PLOT_PYTHON")
    if not python:
        raise BenchError("SWITCHBOARD_PLOT_PYTHON names no interpreter: run ./Tests/bench, which makes one.")
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(results.as_data(), file)
        file.flush()
        process = subprocess.run(
            [python, "-m", "bench.plot", file.name, os.path.abspath(path)], text=True, stderr=subprocess.PIPE,
            cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if process.returncode:
        raise BenchError(f"The figures could not be drawn:\n{process.stderr[-2000:]}")


def compare(axis, results, group, case, metric, title):
    """Horizontal bars, one for each peer that was measured; logarithmic."""
    whos = [who for who in PEERS if results.median(group, case, who, metric) is not None]
    values = [results.median(group, case, who, metric) for who in whos]
    axis.barh(whos[::-1], values[::-1], color=[COLOURS[who] for who in whos[::-1]])
    axis.set_xscale("log")
    for place, value in enumerate(values[::-1]):
        axis.text(value, place, f" {value:,.0f}" if value >= 10 else f" {value:.1f}", va="center", fontsize=8)
    axis.margins(x=0.25)
    axis.set_title(title, fontsize=9)


def curve(axis, results, group, metric, title):
    for who in results.distinct("who", group=group):
        points = [(case, results.median(group, case, who, metric)) for case in results.distinct("case", group=group)]
        points = [(case, value) for case, value in points if value is not None]
        if points:
            axis.plot([p[0] for p in points], [p[1] for p in points], marker="o", markersize=3, label=who,
                      color=COLOURS.get(who))
    axis.set_ylim(bottom=0)
    axis.legend(fontsize=7)
    axis.set_title(title, fontsize=9)


def main(source, target):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with open(source) as file:
        results = Results(Row(**row) for row in json.load(file))
    many, casts = "64 outstanding, 1 KiB", "1000 under way, 1 KiB"
    panels = [
        (compare, ("rpc", many, "rate", "RPC, 64 outstanding, 1 KiB: calls/s")),
        (compare, ("rpc", many, "client cpu", "the same: client CPU, µs a call")),
        (compare, ("casts", casts, "rate", "casts awaited to the confirm: casts/s")),
        (curve, ("scaling by outstanding", "rate", "calls/s by calls outstanding")),
        (curve, ("scaling by size", "client cpu", "client CPU, µs a call, by size")),
        (curve, ("scaling by lines", "client rss", "memory by lines, KiB")),
    ]
    panels = [(function, arguments) for function, arguments in panels if results.distinct("case", group=arguments[0])]
    if not panels:
        sys.exit("nothing that is drawn was measured: rpc, casts, scaling")
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(4.2 * columns, 2.6 * rows), squeeze=False)
    places = [axis for row in axes for axis in row]
    for axis, (function, arguments) in zip(places, panels):
        function(axis, results, *arguments)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in places[len(panels):]:
        axis.set_visible(False)
    figure.tight_layout()
    figure.savefig(target, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
