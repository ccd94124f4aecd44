#ifndef CFileLoops_h
#define CFileLoops_h

/// Writes `count` messages of `size` bytes as durable files, one after another, each by the same calls as the spool: it is
/// made in `directory`/tmp and written, fsync, rename into `directory`/new, fsync of `directory`/new. Both directories
/// must be there; names begin with `first`. The seconds that it took; negative when a call failed (see errno).
double durable_files(const char *directory, int first, int count, int size);

/// Appends `groups` times 64 records of `size` bytes to `path`, with a write for each and an fdatasync for each 64. The
/// seconds that it took; negative when a call failed (see errno).
double durable_appends(const char *path, int groups, int size);

/// Sends `count` requests to another process and takes its replies, one after another, as files: each is made, written,
/// renamed to the other side, reported there by inotify, renamed, read and removed. `directory` must be there. The median
/// of the seconds from one request to its reply; negative when a call failed (see errno).
double file_calls(const char *directory, int count, int request_size, int reply_size);

/// Has the kernel write all that it holds of the file system of `directory`. Negative when that failed (see errno).
int write_back(const char *directory);

#endif
