import SwitchboardCore

@testable import SwitchboardCells

/// What the digests of URLs say of each other.
struct ConnectionDigestsProbe {
    let same: Bool
    let differs: Bool
    let isSalted: Bool

    init() {
        func url(_ password: Secret) -> TransportURL {
            TransportURL(scheme: "rabbit", hosts: [.init(username: "u", password: password, name: "h")])
        }
        let digests = ConnectionDigests()
        same = digests.digest(of: url("a")) == digests.digest(of: url("a"))
        differs = digests.digest(of: url("a")) != digests.digest(of: url("b"))
        isSalted = digests.digest(of: url("a")) != ConnectionDigests().digest(of: url("a"))
    }
}
