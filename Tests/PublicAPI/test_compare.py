"""What `compare.py` calls a break. Run by Tests/api before it relies on it."""

import unittest

from compare import breaks, declarations, permits_breaks

OLD = [
    "Colour: conforms to Sendable",
    "Colour: enum Colour",
    "Colour.red: case red",
    "Queue: protocol Queue",
    "Queue.put(_:): func put(_ text: String) throws [requirement]",
    "Store: struct Store",
    "Store.get(): func get() -> Int",
]


def symbol(identifier, names, text):
    return {"identifier": {"precise": identifier}, "pathComponents": names, "declarationFragments": [{"spelling": text}]}


class Breaks(unittest.TestCase):
    def check(self, new, *expected):
        found = breaks(OLD, sorted(new))
        self.assertEqual(len(found), len(expected), found)
        for sentence, start in zip(found, expected):
            self.assertTrue(sentence.startswith(start), sentence)

    def test_nothing_changed(self):
        self.check(OLD)

    def test_each_removal_is_one(self):
        for line in OLD:
            self.check([other for other in OLD if other != line], f"gone: {line}")

    def test_a_change_names_both(self):
        new = [line.replace("-> Int", "-> String") for line in OLD]
        self.check(new, "changed: Store.get(): func get() -> Int\n         now: Store.get(): func get() -> String")

    def test_additions_are_allowed(self):
        self.check(OLD + [
            "Store: conforms to Equatable", "Store.set(_:): func set(_ number: Int)", "New: enum New", "New.one: case one",
            "Other: protocol Other", "Other.run(): func run() [requirement]",
            "Queue.size(): func size() -> Int [requirement with a default]",
        ])

    def test_a_new_case_and_a_new_requirement_are_not(self):
        self.check(OLD + ["Colour.blue: case blue"], "new case")
        self.check(OLD + ["Queue.size(): func size() -> Int [requirement]"], "new requirement")

    def test_a_requirement_may_get_a_default_and_not_lose_it(self):
        line = "Queue.put(_:): func put(_ text: String) throws [requirement]"
        with_default = line.replace("[requirement]", "[requirement with a default]")
        new = [with_default if other == line else other for other in OLD]
        self.check(new)
        self.assertEqual(len(breaks(new, OLD)), 1)

    def test_the_version_permits(self):
        for old, new, permitted in [
            ("0.1.0", "0.1.0", False), ("0.1.0", "0.1.1", False), ("0.1.0", "0.2.0", True), ("0.1.0", "1.0.0", True),
            ("1.2.0", "1.3.0", False), ("1.2.0", "2.0.0", True), ("0.2.0", "0.1.0", False), ("1.0.0", "0.9.0", False),
        ]:
            self.assertEqual(permits_breaks(old, new), permitted, (old, new))


class Declarations(unittest.TestCase):
    def test_lines(self):
        graph = {
            "symbols": [
                symbol("a", ["Queue"], "protocol Queue"), symbol("b", ["Queue", "put()"], "func put()"),
                symbol("c", ["Queue", "size()"], "func size()\n   async"), symbol("d", ["Queue", "size()"], "func size() async"),
            ],
            "relationships": [
                {"kind": "requirementOf", "source": "b", "target": "a"}, {"kind": "requirementOf", "source": "c", "target": "a"},
                {"kind": "defaultImplementationOf", "source": "d", "target": "c"},
                {"kind": "conformsTo", "source": "a", "target": "s:s8SendableP", "targetFallback": "Swift.Sendable"},
            ],
        }
        self.assertEqual(declarations([graph]), [
            "Queue.put(): func put() [requirement]", "Queue.size(): func size() async",
            "Queue.size(): func size() async [requirement with a default]", "Queue: conforms to Swift.Sendable",
            "Queue: protocol Queue",
        ])


if __name__ == "__main__":
    unittest.main()
