import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging

struct CellShow: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Shows a cell: its URLs as stored and filled in, and what is mapped to it.",
        discussion: "Exit codes: 1 there is no such cell, or several have the name.")
    static let writes = false

    @OptionGroup var cell: CellArgument
    @OptionGroup var base: BaseOptions
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var secrets: SecretOptions

    func perform(on directory: any MutableCellDirectory) async throws {
        let cell = try await cell.find(in: directory)
        let usage = try await directory.usage(of: cell.id)
        let urls = try base.urls
        let queue = filledIn(cell.transportURL, urls.transport)
        let database = filledIn(cell.databaseConnection, urls.database)
        if output.json {
            var report = cell.report(secrets)
            report["rendered_transport_url"] = JSONValue(queue.text)
            report["rendered_database_connection"] = JSONValue(database.text)
            report["hosts"] = JSONValue(usage.hosts)
            report["instances"] = JSONValue(usage.instances)
            report["instances_queued_for_delete"] = JSONValue(usage.instancesQueuedForDelete)
            try StandardOutput.json(.object(report))
        } else {
            var fields: [(name: String, value: String?)] = [
                ("Name", cell.name), ("UUID", cell.id.description), ("Disabled", cell.isDisabled ? "yes" : "no"),
                ("Transport URL", secrets.text(cell.transportURL)),
            ]
            if queue.isTemplate { fields.append(("  filled in", queue.text ?? queue.problem)) }
            fields.append(("Database connection", secrets.text(cell.databaseConnection)))
            if database.isTemplate { fields.append(("  filled in", database.text ?? database.problem)) }
            fields += [
                ("Hosts", String(usage.hosts)), ("Instances", String(usage.instances)),
                ("Waiting for deletion", String(usage.instancesQueuedForDelete)),
                ("Created", cell.createdAt?.description), ("Changed", cell.updatedAt?.description),
            ]
            try printFields(fields)
        }
    }

    private func filledIn(
        _ template: URLTemplate?, _ base: BaseURL?
    ) -> (isTemplate: Bool, text: String?, problem: String?) {
        guard let template else { return (false, nil, nil) }
        do {
            let text = URLTemplate(try template.rendered(from: base).reveal())
            return (template.isTemplate, secrets.text(text), nil)
        } catch {
            return (template.isTemplate, nil, error.description)
        }
    }
}
