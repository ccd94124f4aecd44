#define _GNU_SOURCE
#include "CFileLoops.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
