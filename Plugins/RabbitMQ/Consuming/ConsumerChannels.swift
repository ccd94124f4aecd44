#if RabbitMQ
/// The channels of a consuming connection, by number.
final class ConsumerChannels {
    private var byNumber: [Consumption?] = []
    private var free: [UInt16] = []

    /// A number that nothing has, for a subscription, or for something else that knows it by itself; `nil`: the
    /// connection has no more.
    func take(for consumption: Consumption?, limit: UInt16) -> UInt16? {
        let number: UInt16
        if let last = free.popLast() {
            number = last
        } else {
            if byNumber.isEmpty { byNumber.append(nil) }  // Channel 0 is the connection's.
            guard byNumber.count <= Int(limit) else { return nil }
            byNumber.append(nil)
            number = UInt16(byNumber.count - 1)
        }
        byNumber[Int(number)] = consumption
        return number
    }

    subscript(number: UInt16) -> Consumption? {
        Int(number) < byNumber.count ? byNumber[Int(number)] : nil
    }

    /// The channel's number stays taken until the broker has answered its end; its subscription has left it.
    func leave(_ number: UInt16, to placeholder: Consumption) {
        byNumber[Int(number)] = placeholder
    }

    /// The broker has closed the channel.
    func free(_ number: UInt16) {
        byNumber[Int(number)] = nil
        free.append(number)
    }
}
#endif
