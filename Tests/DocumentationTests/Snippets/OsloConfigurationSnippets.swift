import OsloConfiguration

// What the page of OsloConfiguration quotes.

func configurationFilesSnippet() throws {
    // snippet.configurationFiles
    let files =
        try OsloConfigurationSource.file("/etc/nova/nova.conf").read(home: nil)
        + OsloConfigurationSource.directory("/etc/nova/nova.conf.d").read(home: nil)
    let configuration = OsloConfiguration(files: files)
    let option = OsloOption(
        group: "oslo_messaging_rabbit", name: "heartbeat_timeout_threshold", type: .integer(), defaults: ["60"])
    if let heartbeat = try configuration.setting(option) {
        print(heartbeat)  // [oslo_messaging_rabbit] heartbeat_timeout_threshold = 30 (/etc/nova/nova.conf:12)
    }
    // snippet.end
}
