public import SwitchboardMessaging

extension RPCError.Code {
    /// An argument contains an object that is newer than the target's computes know. Nothing was sent.
    public static let objectTooNew = RPCError.Code("objectTooNew")
    /// An argument contains an object, and it isn't known which version of it the target's computes know. Nothing was
    /// sent.
    public static let unknownObject = RPCError.Code("unknownObject")
    /// Something isn't a versioned object, or is a damaged one.
    public static let invalidObject = RPCError.Code("invalidObject")
    /// Neither the caller nor the instance names a host for the request. Nothing was sent.
    public static let noHost = RPCError.Code("noHost")
    /// An upgrade level or a service version that ``ComputePin`` doesn't know.
    public static let unknownUpgradeLevel = RPCError.Code("unknownUpgradeLevel")
}
