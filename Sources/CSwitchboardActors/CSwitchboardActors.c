#include "CSwitchboardActors.h"

#include <stdint.h>

#if defined(__ELF__)

// Swift's ABI: a record for each function that the runtime finds by name. Pointers are relative to where they stand.
struct record {
    int32_t name;
    int32_t generic_environment;
    int32_t function_type;
    int32_t function;
    uint32_t flags;
};

// Where the section begins and ends, by the linker; absent when nothing is in it.
extern const struct record __start_swift5_accessible_functions[] __attribute__((weak, visibility("hidden")));
extern const struct record __stop_swift5_accessible_functions[] __attribute__((weak, visibility("hidden")));

const char *switchboard_distributed_target(size_t index) {
    const struct record *start = __start_swift5_accessible_functions;
    const struct record *stop = __stop_swift5_accessible_functions;
    if (!start || index >= (size_t)(stop - start)) return NULL;
    const struct record *record = start + index;
    return (const char *)&record->name + record->name;
}

#else

const char *switchboard_distributed_target(size_t index) {
    (void)index;
    return NULL;
}

#endif
