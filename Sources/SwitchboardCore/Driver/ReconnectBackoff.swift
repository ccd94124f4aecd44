/// How long a transport pauses between attempts to connect.
///
/// The first pause after a good connection lies between nothing and `shortest`. While attempts fail, pauses grow with
/// decorrelated jitter up to `longest`, so that many clients that lost one server don't come back together.
public struct ReconnectBackoff: Hashable, Sendable {
    public var shortest: Duration
    public var longest: Duration

    public init(shortest: Duration = .milliseconds(50), longest: Duration = .seconds(5)) {
        self.shortest = min(shortest, longest)
        self.longest = longest
    }
}
