import Foundation
import PackagePlugin

/// `swift package conformance`: builds the tool, and runs it with the same arguments.
@main
struct Conformance: CommandPlugin {
    func performCommand(context: PluginContext, arguments: [String]) async throws {
        // The build goes through SwiftPM itself: a second one beside it would wait for the lock of the build folder.
        let build = try packageManager.build(
            .product("conformance-tool"), parameters: .init(configuration: .debug, logging: .concise))
        let tool = build.builtArtifacts.first {
            $0.kind == .executable && $0.url.lastPathComponent == "conformance-tool"
        }
        guard build.succeeded, let tool else {
            Diagnostics.error(
                "conformance-tool could not be built (it is a program of the package switchboard: run this command "
                    + "there).\n\(build.logText)")
            return
        }
        let process = Process()
        process.executableURL = tool.url
        process.arguments = arguments
        process.currentDirectoryURL = context.package.directoryURL
        try process.run()
        process.waitUntilExit()
        if process.terminationStatus != 0 {
            Diagnostics.error("The drivers do not conform (exit code \(process.terminationStatus)).")
        }
    }
}
