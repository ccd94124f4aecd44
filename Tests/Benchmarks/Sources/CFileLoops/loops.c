#define _GNU_SOURCE
#include "CFileLoops.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static char *message(int size) {
    char *body = malloc((size_t)size);
    if (body) memset(body, 'x', (size_t)size);
    return body;
}

static int one_file(int temporary, int ready, const char *name, const char *body, int size) {
    int file = openat(temporary, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) return -1;
    if (write(file, body, (size_t)size) != size || fsync(file) != 0) {
        close(file);
        return -1;
    }
    if (close(file) != 0) return -1;
    if (renameat(temporary, name, ready, name) != 0) return -1;
    return fsync(ready);
}

double durable_files(const char *directory, int first, int count, int size) {
    int root = open(directory, O_RDONLY | O_DIRECTORY);
    int temporary = openat(root, "tmp", O_RDONLY | O_DIRECTORY);
    int ready = openat(root, "new", O_RDONLY | O_DIRECTORY);
    char *body = message(size);
    double start = now();
    int failed = temporary < 0 || ready < 0 || !body;
    for (int number = 0; number < count && !failed; number++) {
        char name[64];
        snprintf(name, sizeof name, "%016d-message", first + number);
        failed = one_file(temporary, ready, name, body, size) != 0;
    }
    double seconds = now() - start;
    free(body);
    close(root);
    close(temporary);
    close(ready);
    return failed ? -1 : seconds;
}

double durable_appends(const char *path, int groups, int size) {
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    char *body = message(size);
    double start = now();
    int failed = file < 0 || !body;
    for (int group = 0; group < groups && !failed; group++) {
        for (int record = 0; record < 64 && !failed; record++) failed = write(file, body, (size_t)size) != size;
        if (!failed) failed = fdatasync(file) != 0;
    }
    double seconds = now() - start;
    free(body);
    close(file);
    return failed ? -1 : seconds;
}

/* One side of a call: where it puts messages, where it takes them, and where those lie that it took. */
struct side {
    int temporary, out, in, claimed, watch;
};

static int open_below(const char *directory, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    mkdir(path, 0700);
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int watch_below(const char *directory, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int watch = inotify_init1(IN_CLOEXEC);
    return watch < 0 || inotify_add_watch(watch, path, IN_MOVED_TO) < 0 ? -1 : watch;
}

static int put(const struct side *side, char kind, int number, const char *body, int size) {
    char name[64];
    snprintf(name, sizeof name, "%c%016d-message", kind, number);
    int file = openat(side->temporary, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) return -1;
    int failed = write(file, body, (size_t)size) != size;
    failed |= close(file) != 0;
    return failed || renameat(side->temporary, name, side->out, name) != 0 ? -1 : 0;
}

static int take(const struct side *side) {
    char events[4096], body[4096];
    struct pollfd waiting = {side->watch, POLLIN, 0};
    if (poll(&waiting, 1, 10000) != 1 || read(side->watch, events, sizeof events) <= 0) return -1;
    const char *name = ((struct inotify_event *)(void *)events)->name;
    if (renameat(side->in, name, side->claimed, name) != 0) return -1;
    int file = openat(side->claimed, name, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    int failed = read(file, body, sizeof body) <= 0;
    failed |= close(file) != 0;
    return failed || unlinkat(side->claimed, name, 0) != 0 ? -1 : 0;
}

static int ascending(const void *one, const void *other) {
    double difference = *(const double *)one - *(const double *)other;
    return (difference > 0) - (difference < 0);
}

double file_calls(const char *directory, int count, int request_size, int reply_size) {
    int temporary = open_below(directory, "tmp"), requests = open_below(directory, "requests");
    int replies = open_below(directory, "replies");
    struct side caller = {temporary, requests, replies, open_below(directory, "got"), watch_below(directory, "replies")};
    struct side server = {temporary, replies, requests, open_below(directory, "taken"), watch_below(directory, "requests")};
    char *body = message(request_size > reply_size ? request_size : reply_size);
    double *times = calloc((size_t)count, sizeof *times);
    if (temporary < 0 || requests < 0 || replies < 0 || caller.watch < 0 || server.watch < 0 || !body || !times) return -1;
    pid_t child = fork();
    if (child < 0) return -1;
    if (child == 0) {
        int failed = 0;
        for (int number = 0; number < count && !failed; number++)
            failed = take(&server) != 0 || put(&server, 'r', number, body, reply_size) != 0;
        _exit(failed);
    }
    int failed = 0;
    for (int number = 0; number < count && !failed; number++) {
        double start = now();
        failed = put(&caller, 'c', number, body, request_size) != 0 || take(&caller) != 0;
        times[number] = now() - start;
    }
    int status = 1;
    failed |= waitpid(child, &status, 0) != child || status != 0;
    qsort(times, (size_t)count, sizeof *times, ascending);
    double middle = failed ? -1 : times[count / 2];
    free(times);
    free(body);
    int open_files[] = {temporary, requests, replies, caller.claimed, server.claimed, caller.watch, server.watch};
    for (size_t index = 0; index < sizeof open_files / sizeof *open_files; index++) close(open_files[index]);
    return middle;
}

int write_back(const char *directory) {
    int opened = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0) return -1;
    int result = syncfs(opened);
    close(opened);
    return result;
}
