// swift-tools-version: 6.2
import PackageDescription

// A program that takes drivers from shared libraries at run time, and such drivers. In life each driver is a package of
// its own; here one package builds them all, as they must be built with one toolchain and one core anyway.
let dynamic: Target.Dependency = .product(name: "SwitchboardDynamic", package: "switchboard")

let package = Package(
    name: "dynamic-host",
    products: [
        .executable(name: "DynamicHost", targets: ["DynamicHost"]),
        .library(name: "AuditDriver", type: .dynamic, targets: ["AuditDriver"]),
        .library(name: "EmptyDriver", type: .dynamic, targets: ["EmptyDriver"]),
        .library(name: "OddDriver", type: .dynamic, targets: ["OddDriver"]),
        .library(name: "StaticDriver", type: .dynamic, targets: ["StaticDriver"]),
    ],
    dependencies: [
        .package(name: "switchboard", path: "../..", traits: [])
    ],
    targets: [
        .executableTarget(name: "DynamicHost", dependencies: [dynamic]),
        .target(name: "AuditDriver", dependencies: [dynamic]),
        // What can be wrong with a driver, for the tests.
        .target(name: "EmptyDriver", dependencies: [dynamic], path: "Tests/Drivers/EmptyDriver"),
        .target(name: "OddDriver", dependencies: [dynamic], path: "Tests/Drivers/OddDriver"),
        .target(
            name: "StaticDriver", dependencies: [.product(name: "SwitchboardLoading", package: "switchboard")],
            path: "Tests/Drivers/StaticDriver"),
        .testTarget(name: "DynamicHostTests", dependencies: [dynamic, "DynamicHost"]),
    ],
    swiftLanguageModes: [.v6]
)

for target in package.targets {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .treatAllWarnings(as: .error),
    ]
}
