#define _GNU_SOURCE
#include "CSwitchboardABI.h"
#include <string.h>

const void *switchboard_find(const void *bytes, size_t count, const char *needle) {
    return memmem(bytes, count, needle, strlen(needle));
}
