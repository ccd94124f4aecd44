// Counts what is allocated: LD_PRELOAD this, and name a file in COUNT_ALLOCATIONS; the number is in it at the end.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_ulong count;

// dlsym allocates; what it needs before we have the real functions comes from here and is never freed.
static char early[65536];
static size_t early_used;

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void (*real_free)(void *);
static int (*real_posix_memalign)(void **, size_t, size_t);
static void *(*real_aligned_alloc)(size_t, size_t);

static void *from_early(size_t size) {
    size = (size + 15) & ~(size_t)15;
    if (early_used + size > sizeof early) abort();
    void *memory = early + early_used;
    early_used += size;
    return memory;
}

static int is_early(void *memory) { return (char *)memory >= early && (char *)memory < early + sizeof early; }

static int is_starting;

// At the first allocation, which is before any constructor.
static void start(void) {
    if (real_free || is_starting) return;
    is_starting = 1;
    real_malloc = dlsym(RTLD_NEXT, "malloc");
    real_calloc = dlsym(RTLD_NEXT, "calloc");
    real_realloc = dlsym(RTLD_NEXT, "realloc");
    real_posix_memalign = dlsym(RTLD_NEXT, "posix_memalign");
    real_aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
    real_free = dlsym(RTLD_NEXT, "free");
}

__attribute__((destructor)) static void end(void) {
    const char *path = getenv("COUNT_ALLOCATIONS");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file) return;
    fprintf(file, "%lu\n", atomic_load(&count));
    fclose(file);
}

static void add(void) { atomic_fetch_add_explicit(&count, 1, memory_order_relaxed); }

void *malloc(size_t size) {
    add();
    start();
    return real_malloc ? real_malloc(size) : from_early(size);
}

void *calloc(size_t number, size_t size) {
    add();
    start();
    return real_calloc ? real_calloc(number, size) : from_early(number * size);
}

void *realloc(void *memory, size_t size) {
    add();
    start();
    if (real_realloc && !is_early(memory)) return real_realloc(memory, size);
    void *moved = real_malloc ? real_malloc(size) : from_early(size);
    if (memory) {
        // How long it was is not known; no more than there is after it.
        size_t rest = (size_t)(early + sizeof early - (char *)memory);
        memcpy(moved, memory, size < rest ? size : rest);
    }
    return moved;
}

void free(void *memory) {
    if (memory && !is_early(memory) && real_free) real_free(memory);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    add();
    start();
    return real_posix_memalign(memory, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    add();
    start();
    return real_aligned_alloc(alignment, size);
}
