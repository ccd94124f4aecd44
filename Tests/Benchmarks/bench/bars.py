"""What must hold, as data: an issue, a name, a formula over the results, a limit."""
import operator
from dataclasses import dataclass
from statistics import median

from .results import GO, IN_PLACE, SAME, US, number

COMPARE = {"<=": operator.le, ">=": operator.ge, "<": operator.lt}


@dataclass(frozen=True)
class Ratio:
    """The median over the rounds of `who` divided by `to`."""
    group: str
    case: str
    metric: str
    to: str
    who: str = US
    to_case: str = None
    to_metric: str = None

    def value(self, results):
        ratios = results.ratios(
            self.group, self.case, self.metric, self.who, self.to, self.to_case, self.to_metric)
        return median(ratios) if ratios else None

    def __str__(self):
        place = " · ".join(filter(None, (self.to_case, self.to_metric)))
        return f"{self.group} · {self.case} · {self.metric}: {self.who} / {self.to}{f' ({place})' if place else ''}"


@dataclass(frozen=True)
class Median:
    """The median over the rounds."""
    group: str
    case: str
    metric: str
    who: str = US

    def value(self, results):
        return results.median(self.group, self.case, self.who, self.metric)

    def __str__(self):
        return f"{self.group} · {self.case} · {self.metric}: {self.who}"


@dataclass(frozen=True)
class Bar:
    issue: int
    name: str
    formula: object
    comparison: str
    limit: float

    def judge(self, results):
        """The value, and whether it holds; None where nothing was measured."""
        value = self.formula.value(results)
        if value is None:
            return None, None
        return value, COMPARE[self.comparison](value, self.limit)


ONE, MANY = "1 outstanding, 1 KiB", "64 outstanding, 1 KiB"
CASTS = "1000 under way, 1 KiB"
THROUGH = "through, batches of 100"
LINES = "200 lines"
WAYS = ((US, ""), (IN_PLACE, " in place"))
MILLION = "by instance, SQLite, 1,000,000 mappings"
CLOUD = "70 cells of 100 hosts, a sweep every 60 s"
RECORDED = "1,000,000 casts, 8,000 a second"
ONE_LOOK = "look-ups among 1,000,000 instances, 1 outstanding"

BARS = [
    # To the C program that does the same on the wire; the bare one is a row without a bar.
    *(Bar(25, f"Calls{how}, 64 outstanding: rate to C's", Ratio("rpc", MANY, "rate", SAME, who), ">=", limit)
      for who, how, limit in ((US, "", 0.80), (IN_PLACE, " in place", 0.90))),
    *(Bar(25, f"Calls{how}, 1 outstanding: p50 to C's", Ratio("rpc", ONE, "p50", SAME, who), "<=", limit)
      for who, how, limit in ((US, "", 1.5), (IN_PLACE, " in place", 1.25))),
    Bar(25, "Calls, 64 outstanding: client CPU to C's", Ratio("rpc", MANY, "client cpu", SAME), "<=", 2.2),
    Bar(25, "Casts, awaited to the confirm, 1000 under way: rate to C's", Ratio("casts", CASTS, "rate", SAME), ">=", 0.95),
    Bar(25, "Casts, awaited to the confirm, 1000 under way: rate to Go's", Ratio("casts", CASTS, "rate", GO), ">=", 0.9),
    Bar(25, "Notifications, through the broker in batches of 100: rate to C's",
        Ratio("notifications", THROUGH, "rate", SAME), ">=", 0.9),
    *(Bar(3, f"Calls{how}, 64 outstanding: {metric} to oslo.messaging's",
          Ratio("rpc", MANY, unit, "oslo.messaging", who), comparison, limit)
      for who, how in WAYS for metric, unit, comparison, limit in (
          ("rate", "rate", ">=", 30), ("client CPU", "client cpu", "<=", 1 / 25))),
    Bar(3, "200 lines: threads of the process", Median("lines", LINES, "threads"), "<=", 8),
    Bar(3, "200 lines: memory a line, KiB", Median("lines", LINES, "rss per line"), "<=", 150),
    Bar(3, "200 lines, idle: % of one core", Median("lines", LINES, "idle cpu"), "<", 0.2),
    Bar(3, "One broker of two stopped: the other's p99 to before",
        Ratio("stall", "one of two brokers stopped", "p99 during", US, to_metric="p99 before"), "<=", 1.5),
    Bar(4, "JSON, a call of 1 KiB, both layers: to Foundation's time",
        Ratio("json", "a call of 1 KiB", "encode and decode", "Foundation"), "<=", 0.45),
    Bar(4, "In process, 64 outstanding, 100 bytes: calls/s",
        Median("in process", "64 outstanding, 100 bytes", "rate"), ">=", 50_000),
    Bar(4, "In process, 1 outstanding: p50, µs", Median("in process", "1 outstanding, 100 bytes", "p50"), "<=", 40),
    Bar(5, "Aiming, mapping in hand, µs", Median("aiming", "mapping in hand", "time"), "<=", 1),
    Bar(5, "Aiming 100,000 times: memory grown, MiB", Median("aiming", "mapping in hand", "growth over all"), "<=", 1),
    Bar(5, "Aiming by instance, SQLite of 1,000,000 mappings, µs", Median("aiming", MILLION, "time"), "<=", 60),
    Bar(5, "Look-up by instance, SQLite of 1,000,000 mappings, µs",
        Median("aiming", MILLION, "time", f"{US}, look-up alone"), "<=", 50),
    Bar(5, "1,000 cells, 200 lines, 64 tasks: threads of the process",
        Median("cells", "1000 cells, 200 lines, 64 tasks", "threads"), "<=", 8),
    Bar(5, "1,000 cells, 200 lines, 64 tasks: memory for the lines, MiB",
        Median("cells", "1000 cells, 200 lines, 64 tasks", "memory for the lines"), "<=", 200 * 150 / 1024),
    Bar(22, "Look-up by instance, MariaDB over TCP: p50 to C's", Ratio("directory", ONE_LOOK, "p50", "c libmariadb"), "<=", 1.4),
    Bar(22, "Look-up by instance, MariaDB over TCP: p50 to Nova's", Ratio("directory", ONE_LOOK, "p50", "nova"), "<=", 0.2),
    *(Bar(23, f"Simulated cloud: {what}", Median("watch", CLOUD, metric), comparison, limit)
      for what, metric, comparison, limit in (
          ("the longest sweep, s", "longest sweep", "<=", 60),
          ("connections of a cell", "most connections of a cell", "<=", 2),
          ("CPU of a broker at a sweep a minute, %", "broker cpu added at a sweep a minute, each broker", "<=", 5),
          ("false alarms in 30 sweeps without faults", "false alarms", "<=", 0),
          ("false alarms beside hosts' faults", "false alarms beside faults", "<=", 0),
          ("false alarms beside cells' faults", "false alarms beside cells' faults", "<=", 0))),
    *(Bar(23, f"Simulated cloud: {fault}, told within two sweeps, of 50 or more",
          Median("watch", CLOUD, f"{fault}: told within two sweeps"), ">=", 50)
      for fault in (
          "server stopped", "consumer cancelled", "replies lost", "queue without consumer", "host gone", "broker stopped",
          "permission revoked")),
    *(Bar(23, f"Recording of 1,000,000: {what}", Median("record", RECORDED, metric), "<=", 0)
      for what, metric in (
          ("exit code of record", "exit code of record"), ("exit code of replay", "exit code of replay"),
          ("messages out of order, lost or twice", "out of order, lost or twice"),
          ("files with a password", "files with a password"))),
    Bar(25, "Spool, a durable file each: to the C loop's rate",
        Median("spool", "durable publish, a file each", "ratio to the C loop", f"{US}, 1 publisher"), ">=", 0.95),
    Bar(6, "Spool, 64 publishers share syncs: to one publisher's rate",
        Median("spool", "durable publish, a file each", "ratio to 1 publisher", f"{US}, 64 publishers"), ">=", 1.1),
    Bar(25, "Spool, segments, 64 publishers: to the C loop's rate",
        Median("spool", "durable publish, segments", "ratio to the C loop", f"{US}, 64 publishers"), ">=", 0.7),
    *(Bar(6, f"Spool, {layout}: p50 of another process's call, ms",
          Median("spool", "RPC call of another process, durability=none", "p50", f"{US}, {layout}"), "<=", 0.5)
      for layout in ("maildir", "segment")),
    *(Bar(6, f"Spool, {layout}, 1,000,000 waiting: {what} to an empty spool's rate",
          Median("spool", f"{what}, with 1000000 messages waiting", "ratio to the empty spool", f"{US}, {layout}"),
          ">=", 0.5)
      for layout in ("maildir", "segment") for what in ("publish", "take and accept")),
]


def judged(results):
    """Each bar as data, with its value and whether it holds."""
    rows = []
    for bar in BARS:
        value, holds = bar.judge(results)
        rows.append({
            "issue": bar.issue, "name": bar.name, "formula": str(bar.formula),
            "limit": f"{bar.comparison} {number(bar.limit)}", "value": value, "holds": holds,
        })
    return rows


def text(rows):
    lines = ["\nBars"]
    for row in rows:
        if row["holds"] is None:
            continue
        verdict = "holds" if row["holds"] else "FAILS"
        lines.append(f"  {verdict}  #{row['issue']} {row['name']}: {number(row['value'])} (limit {row['limit']})")
    left = sum(row["holds"] is None for row in rows)
    if left:
        lines.append(f"  {left} bars of groups that were not measured")
    return "\n".join(lines)
