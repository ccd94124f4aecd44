#ifndef CSWITCHBOARDACTORS_H
#define CSWITCHBOARDACTORS_H

#include <stddef.h>
#include <stdint.h>

/// Swift's ABI: a record for each function that the runtime finds by name. Pointers are relative to where they stand.
struct switchboard_accessible_function {
    int32_t name;
    int32_t generic_environment;
    int32_t function_type;
    int32_t function;
    uint32_t flags;
};

/// The name of a distributed method of the program or library that this is linked into, as its Swift compiler has listed it
/// for the runtime; NULL when there are no more, or the platform has no such list here.
///
/// Inline, because the debug information of C code keeps valgrind 3.19 from starting a program with Swift's.
static inline const char *_Nullable switchboard_distributed_target(size_t index) {
#if defined(__ELF__)
    // Where the section begins and ends, by the linker; absent when nothing is in it.
    extern const struct switchboard_accessible_function __start_swift5_accessible_functions[]
        __attribute__((weak, visibility("hidden")));
    extern const struct switchboard_accessible_function __stop_swift5_accessible_functions[]
        __attribute__((weak, visibility("hidden")));
    const struct switchboard_accessible_function *start = __start_swift5_accessible_functions;
    const struct switchboard_accessible_function *stop = __stop_swift5_accessible_functions;
    if (!start || index >= (size_t)(stop - start)) return NULL;
    const struct switchboard_accessible_function *record = start + index;
    return (const char *)&record->name + record->name;
#else
    (void)index;
    return NULL;
#endif
}

#endif
