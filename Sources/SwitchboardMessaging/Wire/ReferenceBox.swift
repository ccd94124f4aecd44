/// A value behind one reference, for what is large and passes through many hands.
final class ReferenceBox<Value: Sendable>: Sendable {
    let value: Value

    init(_ value: Value) {
        self.value = value
    }
}
