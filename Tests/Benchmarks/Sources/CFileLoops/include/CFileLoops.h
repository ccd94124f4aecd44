#ifndef CFileLoops_h
#define CFileLoops_h

/// Writes `count` messages of `size` bytes as durable files, one after another, each by the same calls as the spool: it is
/// made in `directory`/tmp and written, fsync, rename into `directory`/new, fsync of `directory`/new. Both directories
/// must be there; names begin with `first`. The seconds that it took; negative when a call failed (see errno).
double durable_files(const char *directory, int first, int count, int size);

/// Appends `groups` times 64 records of `size` bytes to `path`, with a write for each and an fdatasync for each 64. The
/// seconds that it took; negative when a call failed (see errno).
double durable_appends(const char *path, int groups, int size);

#endif
