// swift-tools-version: 6.2
import PackageDescription

// A package of its own: it is built with sanitizers, and only by Tests/fuzz.
let package = Package(
    name: "fuzzing",
    dependencies: [
        .package(name: "switchboard", path: "../..", traits: ["RabbitMQ"]),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    ],
    targets: [
        .target(name: "CFuzzer"),
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "CFuzzer",
                .product(name: "SwitchboardCore", package: "switchboard"),
                .product(name: "SwitchboardMessaging", package: "switchboard"),
                .product(name: "SwitchboardRabbitMQ", package: "switchboard"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "OsloConfiguration", package: "switchboard"),
                .product(name: "SwitchboardSpool", package: "switchboard"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)
