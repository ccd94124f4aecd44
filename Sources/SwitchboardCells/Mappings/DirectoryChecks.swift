/// The errors and checks that every directory has in common, so that all of them speak the same sentences.
extension CellError {
    package static func unknownInstance(_ uuid: String) -> CellError {
        CellError(.unknownInstance, "The instance \(uuid) has no mapping: it does not exist, or was never mapped.")
    }

    package static func unknownHost(_ host: String) -> CellError {
        CellError(.unknownHost, "The host \(host) is mapped to no cell.")
    }

    package static func unknownCell(_ id: CellID) -> CellError {
        CellError(.unknownCell, "There is no cell \(id).", cell: CellIdentity(id: id))
    }

    package static func cellExists(_ id: CellID) -> CellError {
        CellError(.alreadyExists, "There is a cell \(id) already.", cell: CellIdentity(id: id))
    }

    /// A mapping whose cell is gone; `what` is "instance" and its UUID, or "host" and its name.
    package static func missingCell(row: Int64, of what: String) -> CellError {
        CellError(.unknownCell, "The \(what) is mapped to a cell that is gone (row \(row) of the cells). Map it again.")
    }
}

/// The canonical text of an instance's UUID; ``CellError/Code/invalidUUID`` for what is none.
package func canonicalInstanceUUID(_ text: String) throws(CellError) -> String {
    guard let bits = UUIDBits(text) else {
        let shown = text.unicodeScalars.count > 64 ? "a text of \(text.unicodeScalars.count) characters" : "'\(text)'"
        throw CellError(.invalidUUID, "An instance is named by its UUID; \(shown) is none.")
    }
    return bits.text
}

extension InstanceMapping {
    /// What every directory checks before it stores a mapping.
    package func checkForStorage() throws(CellError) {
        _ = try canonicalInstanceUUID(instanceUUID)
        for (name, value) in [("project", projectID), ("user", userID ?? "-")] {
            if value.isEmpty || value.unicodeScalars.count > 255 {
                throw CellError(
                    .invalidValue,
                    "The \(name) of the instance \(instanceUUID) is empty or has more than 255 characters.")
            }
        }
        if case .missingCell = placement {
            throw CellError(.invalidValue, "The mapping of the instance \(instanceUUID) refers to a cell that is gone.")
        }
    }

    /// Whether more than the timestamps differ.
    package func differsInContent(from other: InstanceMapping) -> Bool {
        placement != other.placement || projectID != other.projectID || userID != other.userID
            || isQueuedForDelete != other.isQueuedForDelete
    }
}

extension HostMapping {
    /// What every directory checks before it stores a host.
    package static func check(_ host: String) throws(CellError) {
        if host.isEmpty || host.unicodeScalars.count > 255 {
            throw CellError(.invalidValue, "A host's name is empty or has more than 255 characters.")
        }
    }
}

extension CellUsage {
    /// Whether a cell that is used so may be deleted.
    package func checkDeletion(of cell: CellIdentity, force: Bool) throws(CellError) {
        if hosts > 0, !force {
            throw CellError(
                .hostsMapped, "Hosts are mapped to the cell \(cell) (\(hosts)). Delete them first, or force it.",
                cell: cell)
        }
        if instances > 0 {
            throw CellError(
                .instancesMapped,
                "Instances are mapped to the cell \(cell) (\(instances)). Delete or move them first; force does not help.",
                cell: cell)
        }
        if instancesQueuedForDelete > 0, !force {
            throw CellError(
                .deletedInstancesMapped,
                "Mappings of deleted instances refer to the cell \(cell) (\(instancesQueuedForDelete)). "
                    + "Archive the instances in the cell first, or force it.",
                cell: cell)
        }
    }
}
