@_exported public import SwitchboardCore
@_exported public import SwitchboardMessaging
