"""One round after the other, and in a round everybody in turn: what is measured, and how its figures are named."""
from dataclasses import dataclass, field

from .processes import run
from .results import US

# The single object that some of our programs print, as metrics with units.
REPORT = {
    "per_s": ("rate", "1/s"), "cpu_us": ("client cpu", "us"), "rss_kib": ("client rss", "KiB"), "p50_us": ("p50", "us"),
    "p99_us": ("p99", "us"),
}


@dataclass
class Measure:
    """One program, once a round.

    `fields`: how a plain object that it prints becomes figures; values are (metric, unit), with (case, who) before them
    where the program measures several. Objects with a "metric" are figures as they are.
    """
    who: str
    command: list
    fields: dict = field(default_factory=lambda: REPORT)
    exits: tuple = (0,)
    # The service that it talks to, whose processor time counts over so many operations.
    service: object = None
    operations: int = 0
    # A program that runs beside it, and whose figures do not count.
    beside: list = None
    # What clears away after it.
    after: list = None
    # Called instead of running `command`; returns figures.
    call: object = None
    limit: float = 600

    def figures(self):
        try:
            return self.call() if self.call else self.figures_of_command()
        finally:
            if self.after:
                run(self.after)

    def figures_of_command(self):
        before = self.service.cpu() if self.service else 0
        if self.beside:
            objects = self.run_beside()
        else:
            objects = run(self.command, exits=self.exits, limit=self.limit)
        figures = [figure for value in objects for figure in self.named(value)]
        if self.service:
            used = (self.service.cpu() - before) / self.operations * 1e6
            figures.append({"metric": "server cpu", "value": used, "unit": "us"})
            figures.append({"metric": "server rss", "value": self.service.memory(), "unit": "KiB"})
        return figures

    def run_beside(self):
        import threading

        objects, failures = [], []

        def work(command, keep):
            try:
                objects.extend(run(command, limit=self.limit) if keep else run(command, limit=self.limit) and [])
            except Exception as error:
                failures.append(error)

        threads = [
            threading.Thread(target=work, args=(self.command, True)),
            threading.Thread(target=work, args=(self.beside, False)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        return objects

    def named(self, value):
        if "metric" in value:
            return [value]
        figures = []
        for key, names in self.fields.items():
            if key in value:
                *place, metric, unit = names
                figure = {"metric": metric, "value": value[key], "unit": unit}
                if place:
                    figure["case"], figure["who"] = place
                figures.append(figure)
        return figures


@dataclass
class Case:
    name: str
    measures: list


class Suite:
    """Runs cases in rounds and keeps their figures."""

    def __init__(self, results, rounds, say):
        self.results = results
        self.rounds = rounds
        self.say = say

    def run(self, group, cases):
        for number in range(1, self.rounds + 1):
            for case in cases:
                # Everybody is first once.
                turn = number % len(case.measures)
                for measure in case.measures[turn:] + case.measures[:turn]:
                    self.say(f"{group} · {case.name} · {measure.who} (round {number} of {self.rounds})")
                    self.add(number, group, case.name, measure.who, measure.figures())

    def add(self, number, group, case, who, figures):
        for figure in figures:
            value = figure["value"]
            if value is None:
                continue
            self.results.add(
                number, figure.get("group", group), figure.get("case", case), figure.get("who", who).replace(
                    "Switchboard", US), figure["metric"], float(value), figure.get("unit", ""))
