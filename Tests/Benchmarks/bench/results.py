"""What was measured: rows, and what is said about them."""
from dataclasses import asdict, dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    round: int
    group: str
    case: str
    who: str
    metric: str
    value: float
    unit: str


class Results:
    def __init__(self, rows=()):
        self.rows = list(rows)

    def add(self, *fields):
        self.rows.append(Row(*fields))

    def values(self, group, case, who, metric):
        """The values by round."""
        return {
            row.round: row.value for row in self.rows
            if (row.group, row.case, row.who, row.metric) == (group, case, who, metric)
        }

    def median(self, group, case, who, metric):
        values = self.values(group, case, who, metric)
        return median(values.values()) if values else None

    def ratios(self, group, case, metric, who, to, to_case=None, to_metric=None):
        """`who` divided by `to`, round by round."""
        ours = self.values(group, case, who, metric)
        theirs = self.values(group, to_case or case, to, to_metric or metric)
        return [ours[number] / theirs[number] for number in sorted(ours.keys() & theirs.keys()) if theirs[number]]

    def distinct(self, name, **where):
        """The different values of a field, in the order of their coming."""
        return list(dict.fromkeys(
            getattr(row, name) for row in self.rows
            if all(getattr(row, key) == value for key, value in where.items())))

    def as_data(self):
        return [asdict(row) for row in self.rows]


def number(value):
    """Three figures that count."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def spread(values):
    values = list(values)
    text = number(median(values))
    return text if len(values) == 1 else f"{text} [{number(min(values))}..{number(max(values))}]"


US = "switchboard"
# The same program with its work on the connection's thread (`Transport.taskExecutor`).
IN_PLACE = f"{US}, in place"
# The same again, to the queue itself (`rabbit_direct_requests`) and without Nova's context, which oslo.messaging's benchmark
# has not either.
DIRECT = f"{US}, in place and direct"
# The C program where it does the same on the wire: as many bytes as ours, through oslo.messaging's kind of exchange and with
# its properties; of calls, with confirms on a second connection and acknowledged replies.
SAME = "c lib, same on the wire"
GO = "go amqp091"


def tables(results, groups=None):
    """The text of all tables: medians, their spread over the rounds, and the ratios of the rounds."""
    lines = []
    for group in groups or results.distinct("group"):
        for case in results.distinct("case", group=group):
            where = {"group": group, "case": case}
            whos = results.distinct("who", **where)
            lines.append(f"\n{group} · {case}")
            for metric in results.distinct("metric", **where):
                unit = next(r.unit for r in results.rows if (r.group, r.case, r.metric) == (group, case, metric))
                lines.append(f"  {metric}{f', {unit}' if unit else ''}")
                for who in whos:
                    values = results.values(group, case, who, metric)
                    if not values:
                        continue
                    ratios = results.ratios(group, case, metric, US, who) if who != US else []
                    ratio = f"   {US} × {spread(ratios)}" if ratios else ""
                    lines.append(f"    {who:<22} {spread(values.values()):<28}{ratio}")
    return "\n".join(lines)
