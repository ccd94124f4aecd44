#ifndef CSWITCHBOARD_ABI_H
#define CSWITCHBOARD_ABI_H

#include <stddef.h>
#include <stdint.h>

/* Changes with every change of what a driver compiles against: the protocols TransportDriver and
 * DriverConnection, and the types that they use. */
#define SWITCHBOARD_ABI_REVISION "7"

/* What every tag begins with; the host looks for it in the file of a driver. */
#define SWITCHBOARD_ABI_PREFIX "SWITCHBOARD-DRIVER-ABI/1;"

/*
 * Which core and which compiler the caller was built with. It is inlined into a driver, so that the text lies in the
 * driver's file and can be read there before anything of it is loaded. __VERSION__ names the commit of the clang within
 * the Swift toolchain: a stand-in for the toolchain's version.
 */
static inline const char *_Nonnull switchboard_abi_tag(void) {
    return SWITCHBOARD_ABI_PREFIX "core=" SWITCHBOARD_ABI_REVISION ";compiler=" __VERSION__ ";";
}

/* What a driver says of itself once it is loaded. */
typedef struct {
    const char *_Nonnull tag;
    /* Where the driver finds the core; the host has the same address, unless there are two cores in the process. */
    const void *_Nonnull core;
    /* A digest of the sizes of the core's types, as the driver's compiler saw them. */
    uint64_t layout;
} switchboard_driver_info_t;

/* Where `needle` lies in the bytes, or NULL. */
const void *_Nullable switchboard_find(
    const void *_Nonnull bytes, size_t count, const char *_Nonnull needle);

#endif
