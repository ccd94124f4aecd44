/// A pattern as the states of a machine that is in many of them at once. Matching takes time in proportion to the length
/// of the text times that of the program, whatever the two are: nothing is tried twice.
struct PatternProgram: Sendable {
    private enum State: Sendable {
        case scalar(ScalarSet, next: Int)
        case assertion(PatternSyntax.Assertion, next: Int)
        case fork(Int, Int)
        case match
    }

    private var states: [State] = [.match]
    private let start: Int

    /// Enough for a name of 255 characters of any kind a few times over.
    static let maximumSize = 4000

    init(_ source: String) throws(PatternError) {
        let syntax = try PatternParser.parse(source)
        // What is repeated is written out: `(a{1000}){1000}` would be a million states.
        guard let size = Self.size(of: syntax), size < Self.maximumSize else {
            throw PatternError("it is too large: its repetitions, written out, are more than \(Self.maximumSize) parts")
        }
        var states: [State] = [.match]
        start = Self.add(syntax, before: 0, to: &states)
        self.states = states
    }

    // MARK: Making

    /// How many states a part needs at most; `nil` for too many to count.
    private static func size(of syntax: PatternSyntax) -> Int? {
        switch syntax {
        case .empty: return 0
        case .set, .assertion: return 1
        case .sequence(let parts), .choice(let parts):
            var sum = parts.count
            for part in parts {
                guard let size = size(of: part), sum + size < maximumSize else { return nil }
                sum += size
            }
            return sum
        case .repetition(let part, let least, let most):
            guard let size = size(of: part) else { return nil }
            let copies = max(most ?? 0, least) + (most == nil ? 1 : 0)
            let (product, overflows) = copies.multipliedReportingOverflow(by: size + 1)
            return overflows || product >= maximumSize ? nil : product
        }
    }

    /// Adds a part that goes on to `next`, and returns where it begins.
    private static func add(_ syntax: PatternSyntax, before next: Int, to states: inout [State]) -> Int {
        switch syntax {
        case .empty: return next
        case .set(let set): return append(.scalar(set, next: next), to: &states)
        case .assertion(let assertion): return append(.assertion(assertion, next: next), to: &states)
        case .sequence(let parts): return parts.reversed().reduce(next) { add($1, before: $0, to: &states) }
        case .choice(let parts):
            let starts = parts.map { add($0, before: next, to: &states) }
            return starts.dropLast().reversed().reduce(starts[starts.count - 1]) { append(.fork($1, $0), to: &states) }
        case .repetition(let part, let least, let most):
            var start = next
            if let most {
                for _ in least..<max(least, most) {
                    start = append(.fork(add(part, before: start, to: &states), next), to: &states)
                }
            } else {
                let loop = append(.fork(next, next), to: &states)
                states[loop] = .fork(add(part, before: loop, to: &states), next)
                start = loop
            }
            for _ in 0..<least { start = add(part, before: start, to: &states) }
            return start
        }
    }

    private static func append(_ state: State, to states: inout [State]) -> Int {
        states.append(state)
        return states.count - 1
    }

    // MARK: Matching

    /// Whether the pattern matches from the start of the text.
    func matchesPrefix(of text: String) -> Bool {
        var run = Run(size: states.count)
        var scalars = text.unicodeScalars.makeIterator()
        var place = Place(previous: nil, next: scalars.next(), following: scalars.next())
        run.enter(start)
        while true {
            if closesWithMatch(&run, at: place) { return true }
            guard let scalar = place.next, !run.current.isEmpty else { return false }
            place = Place(previous: scalar, next: place.following, following: scalars.next())
            var entered: [Int] = []
            for index in run.current {
                if case .scalar(let set, let next) = states[index], set.contains(scalar) { entered.append(next) }
            }
            run.begin()
            for index in entered { run.enter(index) }
        }
    }

    /// What stands around a place of the text.
    private struct Place {
        var previous: Unicode.Scalar?
        var next: Unicode.Scalar?
        var following: Unicode.Scalar?

        func holds(_ assertion: PatternSyntax.Assertion) -> Bool {
            switch assertion {
            case .start: previous == nil
            case .end: next == nil
            case .lineStart: previous == nil || previous == "\n"
            case .lineEnd: next == nil || next == "\n"
            case .endOrLastLineFeed: next == nil || (next == "\n" && following == nil)
            case .wordBoundary: isBoundary
            case .noWordBoundary: !isBoundary
            }
        }

        private var isBoundary: Bool {
            (previous?.isPythonWord ?? false) != (next?.isPythonWord ?? false)
        }
    }

    /// The states that the machine is in at one place, each once.
    private struct Run {
        var current: [Int] = []
        /// The step in which a state was entered last.
        private var entered: [Int]
        private var step = 1

        init(size: Int) {
            entered = [Int](repeating: 0, count: size)
        }

        mutating func begin() {
            current.removeAll(keepingCapacity: true)
            step += 1
        }

        mutating func enter(_ index: Int) {
            guard entered[index] != step else { return }
            entered[index] = step
            current.append(index)
        }
    }

    /// Enters all that is reached without a scalar. Returns whether that is the end.
    private func closesWithMatch(_ run: inout Run, at place: Place) -> Bool {
        var index = 0
        while index < run.current.count {
            switch states[run.current[index]] {
            case .match: return true
            case .fork(let one, let other):
                run.enter(one)
                run.enter(other)
            case .assertion(let assertion, let next):
                if place.holds(assertion) { run.enter(next) }
            case .scalar: break
            }
            index += 1
        }
        return false
    }
}
