extension RequestContext {
    /// The context as notifications carry it: who and what was asked, nothing to act with.
    ///
    /// What stays is what oslo.context's `redacted_copy` keeps. The token, the catalogue, the caller's network address,
    /// the quota class, the resource, the reader's flags and the keys that are not Nova's go.
    public func redacted() -> RequestContext {
        var copy = RequestContext(
            userID: userID, projectID: projectID, roles: roles, isAdmin: isAdmin, requestID: requestID)
        copy.userName = userName
        copy.projectName = projectName
        copy.domainID = domainID
        copy.userDomainID = userDomainID
        copy.projectDomainID = projectDomainID
        copy.systemScope = systemScope
        copy.globalRequestID = globalRequestID
        copy.timestamp = timestamp
        return copy
    }
}
