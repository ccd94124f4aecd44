import SwitchboardCore

/// What a check has found: the same for `doctor` and every other check, whichever way it is printed.
///
/// A value without I/O. Its texts never hold a secret: everything that is put in is masked.
struct CheckReport: Hashable, Sendable {
    /// What was checked as one: a cell, a host, a queue.
    struct Subject: Hashable, Sendable {
        /// A sentence's beginning for people: `cell 1f0c… (one)`.
        private(set) var title: String
        /// For metrics, where values must be few: a cell's name, for example. Empty where there is one subject only.
        private(set) var labels: [Label]
        var results: [CheckResult]

        init(_ title: String, labels: [Label] = [], results: [CheckResult] = []) {
            self.title = Secret.masked(in: title)
            self.labels = labels
            self.results = results
        }

        /// The worst of its results.
        var status: CheckStatus { CheckStatus.worst(of: results.map(\.status)) }
    }

    /// A label of a metric.
    struct Label: Hashable, Sendable {
        let name: String
        let value: String

        init(_ name: String, _ value: String) {
            self.name = name
            self.value = Secret.masked(in: value)
        }
    }

    /// The check's name: `doctor`.
    var name: String
    var subjects: [Subject]

    init(_ name: String, subjects: [Subject] = []) {
        self.name = name
        self.subjects = subjects
    }

    /// The worst of its subjects.
    var status: CheckStatus { CheckStatus.worst(of: subjects.map(\.status)) }

    var results: [CheckResult] { subjects.flatMap(\.results) }

    /// How many results have a status.
    func count(_ status: CheckStatus) -> Int { results.count { $0.status == status } }
}
