import Logging
import ServiceLifecycle
import SwitchboardMessaging

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
