extension RequestContext {
    /// The context as notifications carry it: who and what was asked, nothing to act with.
    ///
    /// What stays is what oslo.context's `redacted_copy` keeps. The token, the catalogue, the caller's network address,
    /// the quota class, the resource, the reader's flags and the keys that are not Nova's go. Of a plain context nothing
    /// stays, as nobody knows what its keys mean.
    public func redacted() -> RequestContext {
        let all = fields
        var kept = Fields(requestID: all.requestID, timestamp: all.timestamp)
        kept.userID = all.userID
        kept.projectID = all.projectID
        kept.roles = all.roles
        kept.isAdmin = all.isAdmin
        kept.userName = all.userName
        kept.projectName = all.projectName
        kept.domainID = all.domainID
        kept.userDomainID = all.userDomainID
        kept.projectDomainID = all.projectDomainID
        kept.systemScope = all.systemScope
        kept.globalRequestID = all.globalRequestID
        kept.isPlain = all.isPlain
        return RequestContext(kept)
    }
}
