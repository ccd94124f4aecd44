// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that users of Switchboard never resolve what reads YAML. Without the RabbitMQ driver: its settings
// are there without it.
let package = Package(
    name: "configuration-tests",
    dependencies: [
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: [.defaults, "YAML"]),
        .package(name: "switchboard", path: "../..", traits: ["Configuration"]),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    ],
    targets: [
        .testTarget(
            name: "ConfigurationTests",
            dependencies: [
                .product(name: "SwitchboardCore", package: "switchboard"),
                .product(name: "SwitchboardMessaging", package: "switchboard"),
                .product(name: "SwitchboardCells", package: "switchboard"),
                .product(name: "SwitchboardInProcess", package: "switchboard"),
                .product(name: "SwitchboardSpool", package: "switchboard"),
                .product(name: "SwitchboardRabbitMQ", package: "switchboard"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Logging", package: "swift-log"),
            ])
    ],
    swiftLanguageModes: [.v6]
)
