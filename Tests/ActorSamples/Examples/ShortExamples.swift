import Distributed
import SwitchboardActors
import SwitchboardCells
import SwitchboardMessaging

// What the pages of SwitchboardActors quote beside the whole examples.

private struct InstanceNotFound: RPCTransferableError {
    static let remoteClassName = "InstanceNotFound"
    var message: String
}
