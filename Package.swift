// swift-tools-version: 6.2
import PackageDescription

let rabbitMQ: TargetDependencyCondition? = .when(traits: ["RabbitMQ"])
let tls: TargetDependencyCondition? = .when(traits: ["TLS"])
let mariaDB: TargetDependencyCondition? = .when(traits: ["MariaDB"])
let configuration: Target.Dependency = .product(
    name: "Configuration", package: "swift-configuration", condition: .when(traits: ["Configuration"]))

let package = Package(
    name: "switchboard",
    products: [
        .library(name: "Switchboard", targets: ["Switchboard"]),
        .library(name: "SwitchboardCore", targets: ["SwitchboardCore"]),
        .library(name: "SwitchboardMessaging", targets: ["SwitchboardMessaging"]),
        .library(name: "SwitchboardCells", targets: ["SwitchboardCells"]),
        .library(name: "SwitchboardActors", targets: ["SwitchboardActors"]),
        .library(name: "SwitchboardTesting", targets: ["SwitchboardTesting"]),
        .library(name: "NovaCompute", targets: ["NovaCompute"]),
        .library(name: "SwitchboardInProcess", targets: ["SwitchboardInProcess"]),
        .library(name: "SwitchboardSpool", targets: ["SwitchboardSpool"]),
        .library(name: "SwitchboardRabbitMQ", targets: ["SwitchboardRabbitMQ"]),
        .library(name: "SwitchboardSQLite", targets: ["SwitchboardSQLite"]),
        .library(name: "SwitchboardMariaDB", targets: ["SwitchboardMariaDB"]),
        .library(name: "OsloConfiguration", targets: ["OsloConfiguration"]),
        // For programs that load drivers at run time, and for such drivers: one core for both, in one library.
        .library(
            name: "SwitchboardDynamic", type: .dynamic,
            targets: ["SwitchboardLoading", "SwitchboardCore", "SwitchboardMessaging", "SwitchboardInProcess"]),
        .library(name: "SwitchboardLoading", targets: ["SwitchboardLoading"]),
        .executable(name: "switchboard", targets: ["SwitchboardCommand"]),
    ],
    traits: [
        .trait(
            name: "RabbitMQ",
            description: "The driver for rabbit://, amqp:// and amqps:// (needs librabbitmq and its headers)."),
        .trait(
            name: "TLS",
            description: "TLS for the RabbitMQ driver, by swift-nio-ssl.",
            enabledTraits: ["RabbitMQ"]),
        .trait(
            name: "Configuration",
            description:
                "Initialisers that take a ConfigReader of swift-configuration, for everything that has settings."),
        .trait(
            name: "MariaDB",
            description: "Directories and cells' databases on MariaDB and MySQL (needs libmariadb and its headers)."),
        .default(enabledTraits: ["RabbitMQ", "TLS", "MariaDB"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // The framework: core moves, messaging means, cells aim.
        .target(
            name: "SwitchboardCore",
            dependencies: [
                configuration,
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .target(
            name: "SwitchboardMessaging",
            dependencies: [
                "SwitchboardCore", configuration,
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .target(
            name: "SwitchboardCells",
            dependencies: [
                "SwitchboardCore", "SwitchboardMessaging", configuration,
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .target(
            name: "SwitchboardActors", dependencies: ["CSwitchboardActors", "SwitchboardCore", "SwitchboardMessaging"]),
        .target(name: "CSwitchboardActors"),
        .target(
            name: "SwitchboardTesting",
            dependencies: [
                "SwitchboardCore", "SwitchboardMessaging", "SwitchboardCells", "SwitchboardInProcess",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),

        // One import for applications.
        .target(
            name: "Switchboard",
            dependencies: [
                "SwitchboardCore", "SwitchboardMessaging",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]),

        .target(name: "CSwitchboardABI"),
        .target(
            name: "SwitchboardLoading",
            dependencies: ["CSwitchboardABI", "SwitchboardCore", .product(name: "Logging", package: "swift-log")]),

        // An interface that the framework carries: OpenStack Nova's compute RPC API.
        .target(name: "NovaCompute", dependencies: ["SwitchboardCore", "SwitchboardMessaging"]),

        // What plugs into it, one folder each.
        .target(
            name: "SwitchboardInProcess",
            dependencies: [
                "SwitchboardCore", .product(name: "DequeModule", package: "swift-collections"),
            ],
            path: "Plugins/InProcess"),
        .target(
            name: "SwitchboardSpool",
            dependencies: [
                "SwitchboardCore", configuration,
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Plugins/Spool"),
        .systemLibrary(
            name: "CRabbitMQ",
            path: "Plugins/CRabbitMQ",
            pkgConfig: "librabbitmq",
            providers: [.apt(["librabbitmq-dev"]), .yum(["librabbitmq-devel"]), .brew(["rabbitmq-c"])]),
        .target(
            name: "SwitchboardRabbitMQ",
            dependencies: [
                "SwitchboardCore", configuration,
                .product(name: "Logging", package: "swift-log"),
                .target(name: "CRabbitMQ", condition: rabbitMQ),
                .product(name: "Metrics", package: "swift-metrics", condition: rabbitMQ),
                .product(name: "NIOCore", package: "swift-nio", condition: rabbitMQ),
                .product(name: "NIOPosix", package: "swift-nio", condition: rabbitMQ),
                .product(name: "DequeModule", package: "swift-collections", condition: rabbitMQ),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: tls),
                .product(name: "NIOTLS", package: "swift-nio", condition: tls),
            ],
            path: "Plugins/RabbitMQ"),
        // Nova's databases: the statements and what reads their rows, for every kind of database.
        .target(name: "SwitchboardSQL", dependencies: ["SwitchboardCells"]),
        .target(
            name: "SwitchboardSQLite",
            dependencies: [
                "SwitchboardCore", "SwitchboardCells", "SwitchboardSQL",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Plugins/SQLiteDirectory"),
        .systemLibrary(
            name: "CMariaDB",
            path: "Plugins/CMariaDB",
            pkgConfig: "libmariadb",
            providers: [.apt(["libmariadb-dev"]), .yum(["mariadb-connector-c-devel"]), .brew(["mariadb-connector-c"])]),
        .target(
            name: "SwitchboardMariaDB",
            dependencies: [
                "SwitchboardCore", "SwitchboardCells", "SwitchboardSQL",
                .target(name: "CMariaDB", condition: mariaDB),
                .product(name: "DequeModule", package: "swift-collections", condition: mariaDB),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Plugins/MariaDBDirectory"),

        // Configuration files as oslo.config reads them.
        .target(name: "OsloConfiguration", dependencies: ["SwitchboardCore"]),

        // Programs.
        .target(name: "StandardStreams", dependencies: ["SwitchboardCore"]),
        .executableTarget(
            name: "SwitchboardCommand",
            dependencies: [
                "StandardStreams",
                "SwitchboardCore", "SwitchboardMessaging", "SwitchboardCells", "SwitchboardInProcess",
                "SwitchboardSpool", "SwitchboardSQLite", "SwitchboardTesting", "OsloConfiguration",
                .target(name: "SwitchboardMariaDB", condition: mariaDB),
                .target(name: "SwitchboardRabbitMQ", condition: rabbitMQ),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                // For RabbitMQ's management API.
                .product(name: "NIOCore", package: "swift-nio", condition: rabbitMQ),
                .product(name: "NIOHTTP1", package: "swift-nio", condition: rabbitMQ),
                .product(name: "NIOPosix", package: "swift-nio", condition: rabbitMQ),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: tls),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]),
        .executableTarget(
            name: "Quickstart",
            dependencies: [
                "Switchboard", "SwitchboardCells", "SwitchboardInProcess", "SwitchboardSQLite",
                .target(name: "SwitchboardMariaDB", condition: mariaDB),
                .target(name: "SwitchboardRabbitMQ", condition: rabbitMQ),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Examples/Quickstart"),

        .executableTarget(
            name: "HelloExample", dependencies: ["Switchboard", "SwitchboardInProcess"], path: "Examples/Hello",
            exclude: ["README.md"]),
        .executableTarget(
            name: "RabbitMQExample",
            dependencies: ["Switchboard", .target(name: "SwitchboardRabbitMQ", condition: rabbitMQ)],
            path: "Examples/RabbitMQ", exclude: ["README.md"]),
        .executableTarget(
            name: "SpoolExample", dependencies: ["Switchboard", "SwitchboardSpool"], path: "Examples/Spool",
            exclude: ["README.md"]),
        .executableTarget(
            name: "TwoCells", dependencies: ["Switchboard", "SwitchboardCells", "SwitchboardInProcess"],
            path: "Examples/TwoCells", exclude: ["README.md"]),
        .executableTarget(
            name: "NotificationsExample", dependencies: ["Switchboard", "SwitchboardInProcess"],
            path: "Examples/Notifications", exclude: ["README.md"]),
        .executableTarget(
            name: "ObservedExample",
            dependencies: [
                "Switchboard", "SwitchboardInProcess",
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
            ],
            path: "Examples/Observed", exclude: ["README.md"]),
        .testTarget(
            name: "GreeterTests", dependencies: ["Switchboard", "SwitchboardTesting"],
            path: "Examples/TestingAService", exclude: ["README.md"]),

        // The drivers of this package before the laws: `swift package conformance`.
        .target(
            name: "DriverHarnesses",
            dependencies: [
                "SwitchboardCore", "SwitchboardInProcess", "SwitchboardSpool", "SwitchboardTesting",
                .target(name: "SwitchboardRabbitMQ", condition: rabbitMQ),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/DriverHarnesses"),
        .executableTarget(
            name: "conformance-tool",
            dependencies: [
                "DriverHarnesses", "StandardStreams", "SwitchboardCore", "SwitchboardInProcess", "SwitchboardSpool",
                "SwitchboardTesting",
                .target(name: "SwitchboardRabbitMQ", condition: rabbitMQ),
            ]),
        .plugin(
            name: "Conformance",
            capability: .command(
                intent: .custom(
                    verb: "conformance",
                    description: "Holds the drivers to the laws; prints the matrix driver by law."))),

        // Tests.
        .testTarget(
            name: "SwitchboardCoreTests",
            dependencies: ["SwitchboardCore", "SwitchboardTesting", .product(name: "Logging", package: "swift-log")],
            resources: [.copy("Data")]),
        .testTarget(
            name: "SwitchboardTests",
            dependencies: [
                "Switchboard", "SwitchboardCells", "SwitchboardInProcess", "SwitchboardTesting",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .testTarget(
            name: "SwitchboardMessagingTests",
            dependencies: [
                "SwitchboardCore", "SwitchboardMessaging", "SwitchboardInProcess", "SwitchboardSpool",
                "SwitchboardTesting",
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            resources: [.copy("Data")]),
        .testTarget(
            name: "SwitchboardCellsTests",
            dependencies: [
                "SwitchboardCore", "SwitchboardMessaging", "SwitchboardCells", "SwitchboardInProcess", "NovaCompute",
                "SwitchboardTesting",
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .testTarget(
            name: "CellsUnderLoadTests",
            dependencies: [
                "SwitchboardCore", "SwitchboardMessaging", "SwitchboardCells", "SwitchboardInProcess",
                "SwitchboardSQLite", "SwitchboardTesting", "SwitchboardCommand",
                .target(name: "SwitchboardRabbitMQ", condition: rabbitMQ),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        // What is served and called through actors in tests; its Examples folder is what the documentation shows.
        .target(
            name: "ActorSamples",
            dependencies: [
                "SwitchboardActors", "SwitchboardCore", "SwitchboardMessaging", "SwitchboardCells",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/ActorSamples"),
        .testTarget(
            name: "SwitchboardActorsTests",
            dependencies: [
                "ActorSamples", "SwitchboardActors", "SwitchboardCore", "SwitchboardMessaging", "SwitchboardCells",
                "SwitchboardInProcess", "SwitchboardSpool", "SwitchboardTesting",
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .testTarget(
            name: "NovaComputeTests",
            dependencies: [
                "NovaCompute", "SwitchboardCore", "SwitchboardMessaging", "SwitchboardInProcess",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            resources: [.copy("Data")]),
        .testTarget(
            name: "InProcessTests",
            dependencies: [
                "DriverHarnesses", "SwitchboardCore", "SwitchboardMessaging", "SwitchboardInProcess",
                "SwitchboardTesting",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "SpoolTests",
            dependencies: [
                "DriverHarnesses", "SwitchboardCore", "SwitchboardSpool", "SwitchboardTesting", "SpoolPeer",
                "conformance-tool",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .executableTarget(
            name: "SpoolPeer",
            dependencies: [
                "SwitchboardCore", "SwitchboardSpool",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/SpoolPeer"),
        .testTarget(
            name: "RabbitMQTests",
            dependencies: [
                "DriverHarnesses", "SwitchboardCore", "SwitchboardMessaging", "SwitchboardTesting", "conformance-tool",
                .target(name: "SwitchboardRabbitMQ", condition: rabbitMQ),
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio", condition: rabbitMQ),
                .product(name: "NIOEmbedded", package: "swift-nio", condition: rabbitMQ),
                .product(name: "NIOPosix", package: "swift-nio", condition: rabbitMQ),
            ],
            resources: [.copy("Data")]),
        .testTarget(
            name: "RabbitMQCommandTests",
            dependencies: [
                "Switchboard", "SwitchboardCommand", "SwitchboardCells", "SwitchboardCore", "SwitchboardInProcess",
                "SwitchboardMessaging", "SwitchboardTesting",
                .target(name: "SwitchboardRabbitMQ", condition: rabbitMQ),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio", condition: rabbitMQ),
                .product(name: "NIOPosix", package: "swift-nio", condition: rabbitMQ),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: tls),
            ],
            resources: [.copy("Data")]),
        .testTarget(
            name: "HostileBrokerTests",
            dependencies: [
                "SwitchboardCore", "SwitchboardTesting",
                .target(name: "SwitchboardRabbitMQ", condition: rabbitMQ),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio", condition: rabbitMQ),
                .product(name: "NIOPosix", package: "swift-nio", condition: rabbitMQ),
            ]),
        .testTarget(
            name: "RabbitMQEnduranceTests",
            dependencies: [
                "SwitchboardCore", "SwitchboardMessaging", "SwitchboardTesting",
                .target(name: "SwitchboardRabbitMQ", condition: rabbitMQ),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .testTarget(
            name: "PeerTests",
            dependencies: [
                "ActorSamples", "SwitchboardActors", "SwitchboardCore", "SwitchboardMessaging", "SwitchboardCells",
                "SwitchboardTesting", "SwitchboardSpool", "NovaCompute", "SwitchboardCommand",
                .target(name: "SwitchboardMariaDB", condition: mariaDB),
                .target(name: "SwitchboardRabbitMQ", condition: rabbitMQ),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .testTarget(
            name: "ExampleTests",
            dependencies: [
                "SwitchboardCore", "SwitchboardTesting", "Quickstart", "HelloExample", "RabbitMQExample",
                "SpoolExample", "TwoCells", "NotificationsExample", "ObservedExample",
            ]),
        .testTarget(
            name: "DocumentationTests",
            dependencies: [
                "NovaCompute", "OsloConfiguration", "Switchboard", "SwitchboardCore", "SwitchboardMessaging",
                "SwitchboardCells",
                "SwitchboardInProcess", "SwitchboardSpool", "SwitchboardSQLite", "SwitchboardTesting",
                .target(name: "SwitchboardMariaDB", condition: mariaDB),
                .target(name: "SwitchboardRabbitMQ", condition: rabbitMQ),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]),
        .testTarget(name: "TestBrokerTests", dependencies: ["SwitchboardCore", "SwitchboardTesting"]),
        .testTarget(
            name: "CommandLineTests",
            dependencies: [
                "OsloConfiguration", "StandardStreams", "SwitchboardCells", "SwitchboardCommand", "SwitchboardCore",
                "SwitchboardInProcess", "SwitchboardMessaging", "SwitchboardSpool",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "SQLiteDirectoryTests",
            dependencies: [
                "NovaDirectoryPeer", "SwitchboardCore", "SwitchboardCells", "SwitchboardSQLite", "SwitchboardTesting",
            ],
            resources: [.copy("Data")]),
        .testTarget(
            name: "MariaDBDirectoryTests",
            dependencies: [
                "NovaDirectoryPeer", "Quickstart", "SwitchboardCommand", "SwitchboardCore", "SwitchboardCells",
                "SwitchboardInProcess", "SwitchboardMessaging", "SwitchboardTesting",
                .target(name: "SwitchboardMariaDB", condition: mariaDB),
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        // Real Nova, which reads and writes the same directories.
        .target(
            name: "NovaDirectoryPeer", dependencies: ["SwitchboardCells", "SwitchboardCore"],
            path: "Tests/NovaDirectoryPeer"),
        .testTarget(name: "OsloConfigurationTests", dependencies: ["OsloConfiguration"]),
    ],
    swiftLanguageModes: [.v6]
)

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
    .treatWarning("DeprecatedDeclaration", as: .warning),
]
for target in package.targets where target.type != .system && target.type != .plugin {
    target.swiftSettings = settings
}

// For Tests/docs; no user of the package needs it.
if Context.environment["SWITCHBOARD_DOCUMENTATION"] != nil {
    package.dependencies.append(.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"))
}
