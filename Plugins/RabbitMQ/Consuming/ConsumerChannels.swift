#if RabbitMQ
/// The channels of a consuming connection, by number.
struct ConsumerChannels {
    // Channel 0 is the connection's.
    private var users: [(any ChannelUser)?] = [nil]
    private var free: [UInt16] = []

    /// Takes a number that nothing has. `nil` if the connection has no more.
    mutating func take(limit: UInt16) -> UInt16? {
        if let last = free.popLast() { return last }
        guard users.count <= Int(limit) else { return nil }
        users.append(nil)
        return UInt16(users.count - 1)
    }

    subscript(number: UInt16) -> (any ChannelUser)? {
        get { Int(number) < users.count ? users[Int(number)] : nil }
        set { users[Int(number)] = newValue }
    }

    /// The broker has closed the channel, or has answered its end.
    mutating func free(_ number: UInt16) {
        users[Int(number)] = nil
        free.append(number)
    }
}
#endif
