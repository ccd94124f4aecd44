public import SwitchboardMessaging

extension RPCError.Code {
    /// An argument holds an object that is newer than what the target's computes know. Nothing was sent.
    public static let objectTooNew = RPCError.Code("objectTooNew")
    /// An argument holds an object of which it is not known what version the target's computes know. Nothing was sent.
    public static let unknownObject = RPCError.Code("unknownObject")
    /// Something is no versioned object, or a damaged one.
    public static let invalidObject = RPCError.Code("invalidObject")
    /// Neither the caller nor the instance names the host that shall take the request. Nothing was sent.
    public static let noHost = RPCError.Code("noHost")
    /// An upgrade level, or a service's version, that ``ComputePin`` knows nothing of.
    public static let unknownUpgradeLevel = RPCError.Code("unknownUpgradeLevel")
}
