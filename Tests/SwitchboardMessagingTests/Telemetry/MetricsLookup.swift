import MetricsTestKit

extension TestMetrics {
    /// What a counter with exactly these labels has counted; labels that are `nil` are ones that it must not have.
    func total(_ label: String, _ labels: [String: String?]) -> Int64 {
        counters.filter { $0.label == label && Self.isSame($0.dimensions, labels) }.reduce(0) { $0 + $1.totalValue }
    }

    /// What a timer with exactly these labels has recorded, in nanoseconds.
    func durations(_ label: String, _ labels: [String: String?]) -> [Int64] {
        timers(label: label).filter { Self.isSame($0.dimensions, labels) }.flatMap(\.values)
    }

    private static func isSame(_ dimensions: [(String, String)], _ labels: [String: String?]) -> Bool {
        Dictionary(dimensions, uniquingKeysWith: { first, _ in first }) == labels.compactMapValues { $0 }
    }
}
