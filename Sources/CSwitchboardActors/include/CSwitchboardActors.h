#ifndef CSWITCHBOARDACTORS_H
#define CSWITCHBOARDACTORS_H

#include <stddef.h>

/// The name of a distributed method of the program or library that this is linked into, as its Swift compiler has listed it
/// for the runtime; NULL when there are no more, or the platform has no such list here.
const char *_Nullable switchboard_distributed_target(size_t index);

#endif
