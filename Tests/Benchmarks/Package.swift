// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that users of Switchboard never resolve what it needs.
let package = Package(
    name: "benchmarks",
    traits: [
        .trait(name: "RabbitMQ"), .trait(name: "MariaDB"), .default(enabledTraits: ["RabbitMQ", "MariaDB"]),
    ],
    dependencies: [
        .package(
            name: "switchboard", path: "../..",
            traits: [
                .trait(name: "RabbitMQ", condition: .when(traits: ["RabbitMQ"])),
                .trait(name: "MariaDB", condition: .when(traits: ["MariaDB"])),
            ]),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    ],
    targets: [
        // Its folder StandardStreams is that of the package.
        .target(
            name: "BenchSupport", dependencies: [.product(name: "SwitchboardCore", package: "switchboard")]),
        .target(
            name: "RPCBenchSupport",
            dependencies: [
                .product(name: "SwitchboardCore", package: "switchboard"),
                .product(name: "SwitchboardMessaging", package: "switchboard"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .executableTarget(
            name: "rpc-bench",
            dependencies: [
                "BenchSupport", "RPCBenchSupport",
                .product(name: "SwitchboardCore", package: "switchboard"),
                .product(name: "SwitchboardMessaging", package: "switchboard"),
                .product(name: "SwitchboardInProcess", package: "switchboard"),
                .product(name: "SwitchboardSpool", package: "switchboard"),
                .product(name: "SwitchboardRabbitMQ", package: "switchboard", condition: .when(traits: ["RabbitMQ"])),
            ]),
        .executableTarget(
            name: "notify-bench",
            dependencies: [
                "BenchSupport",
                .product(name: "SwitchboardCore", package: "switchboard"),
                .product(name: "SwitchboardMessaging", package: "switchboard"),
                .product(name: "SwitchboardRabbitMQ", package: "switchboard", condition: .when(traits: ["RabbitMQ"])),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .executableTarget(
            name: "lines-bench",
            dependencies: [
                "BenchSupport",
                .product(name: "SwitchboardCore", package: "switchboard"),
                .product(name: "SwitchboardMessaging", package: "switchboard"),
                .product(name: "SwitchboardRabbitMQ", package: "switchboard", condition: .when(traits: ["RabbitMQ"])),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .executableTarget(
            name: "json-size-bench",
            dependencies: ["BenchSupport", .product(name: "SwitchboardMessaging", package: "switchboard")]),
        .executableTarget(
            name: "counts-bench",
            dependencies: [
                "BenchSupport", "RPCBenchSupport",
                .product(name: "SwitchboardActors", package: "switchboard"),
                .product(name: "SwitchboardCore", package: "switchboard"),
                .product(name: "SwitchboardMessaging", package: "switchboard"),
                .product(name: "SwitchboardInProcess", package: "switchboard"),
            ]),
        .target(name: "CFileLoops"),
        .executableTarget(
            name: "spool-bench",
            dependencies: [
                "BenchSupport", "CFileLoops",
                .product(name: "SwitchboardCore", package: "switchboard"),
                .product(name: "SwitchboardSpool", package: "switchboard"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .executableTarget(
            name: "json-bench",
            dependencies: [
                "BenchSupport",
                .product(name: "SwitchboardCore", package: "switchboard"),
                .product(name: "SwitchboardMessaging", package: "switchboard"),
            ]),
        .executableTarget(
            name: "inprocess-bench",
            dependencies: [
                "BenchSupport", "RPCBenchSupport",
                .product(name: "SwitchboardCore", package: "switchboard"),
                .product(name: "SwitchboardMessaging", package: "switchboard"),
                .product(name: "SwitchboardInProcess", package: "switchboard"),
            ]),
        .executableTarget(
            name: "cells-bench",
            dependencies: [
                "BenchSupport",
                .product(name: "SwitchboardCore", package: "switchboard"),
                .product(name: "SwitchboardMessaging", package: "switchboard"),
                .product(name: "SwitchboardCells", package: "switchboard"),
                .product(name: "SwitchboardSQLite", package: "switchboard"),
                .product(name: "SwitchboardInProcess", package: "switchboard"),
                .product(name: "SwitchboardRabbitMQ", package: "switchboard", condition: .when(traits: ["RabbitMQ"])),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .executableTarget(
            name: "directory-bench",
            dependencies: [
                "BenchSupport",
                .product(name: "SwitchboardCells", package: "switchboard"),
                .product(name: "SwitchboardMariaDB", package: "switchboard", condition: .when(traits: ["MariaDB"])),
            ]),
        .executableTarget(
            name: "watch-bench",
            dependencies: [
                "BenchSupport",
                .product(name: "SwitchboardCore", package: "switchboard"),
                .product(name: "SwitchboardMessaging", package: "switchboard"),
                .product(name: "SwitchboardTesting", package: "switchboard"),
                .product(name: "SwitchboardRabbitMQ", package: "switchboard", condition: .when(traits: ["RabbitMQ"])),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .executableTarget(
            name: "record-bench",
            dependencies: [
                "BenchSupport",
                .product(name: "SwitchboardCore", package: "switchboard"),
                .product(name: "SwitchboardMessaging", package: "switchboard"),
                .product(name: "SwitchboardRabbitMQ", package: "switchboard", condition: .when(traits: ["RabbitMQ"])),
                .product(name: "Logging", package: "swift-log"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)

// As in the package that is measured: what is asynchronous runs where its caller does.
for target in package.targets where target.name != "CFileLoops" {
    target.swiftSettings = [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]
}
