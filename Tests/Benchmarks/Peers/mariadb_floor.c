// Look-ups of instances over libmariadb with prepared statements and nothing else: what is possible.
//   mariadb_floor PORT USER PASSWORD DATABASE ROWS THREADS N    N look-ups in all, each thread with a connection of its own
#include <mysql.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define COLUMNS 16

static const char statement[] =
    "SELECT i.id, i.instance_uuid, i.cell_id, i.project_id, i.user_id, i.queued_for_delete, i.created_at, i.updated_at, "
    "c.id, c.uuid, c.name, c.transport_url, c.database_connection, c.disabled, c.created_at, c.updated_at "
    "FROM instance_mappings i LEFT JOIN cell_mappings c ON c.id = i.cell_id WHERE i.instance_uuid = ?";

static char **words;
static long rows, share;

struct worker {
    pthread_t thread;
    unsigned int seed;
    double *samples;
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static void fail(const char *what) {
    fprintf(stderr, "mariadb_floor: %s\n", what);
    exit(1);
}

static void *work(void *argument) {
    struct worker *worker = argument;
    MYSQL *connection = mysql_init(NULL);
    unsigned int protocol = MYSQL_PROTOCOL_TCP;
    mysql_options(connection, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_options(connection, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!mysql_real_connect(connection, "127.0.0.1", words[2], words[3], words[4], atoi(words[1]), NULL, 0))
        fail(mysql_error(connection));
    MYSQL_STMT *prepared = mysql_stmt_init(connection);
    if (mysql_stmt_prepare(prepared, statement, strlen(statement))) fail(mysql_stmt_error(prepared));
    char uuid[64];
    unsigned long length;
    MYSQL_BIND parameter = {0};
    parameter.buffer_type = MYSQL_TYPE_STRING;
    parameter.buffer = uuid;
    parameter.buffer_length = sizeof uuid;
    parameter.length = &length;
    mysql_stmt_bind_param(prepared, &parameter);
    MYSQL_BIND results[COLUMNS] = {{0}};
    char buffers[COLUMNS][1024];
    unsigned long lengths[COLUMNS];
    my_bool nulls[COLUMNS];
    for (int column = 0; column < COLUMNS; column++) {
        results[column].buffer_type = MYSQL_TYPE_STRING;
        results[column].buffer = buffers[column];
        results[column].buffer_length = sizeof buffers[column];
        results[column].length = &lengths[column];
        results[column].is_null = &nulls[column];
    }
    mysql_stmt_bind_result(prepared, results);
    for (long number = 0; number < share; number++) {
        double start = now();
        long row = (long)(rand_r(&worker->seed) / (RAND_MAX + 1.0) * rows);
        length = snprintf(uuid, sizeof uuid, "10000000-0000-4000-8000-%012ld", row);
        int found = 0;
        if (mysql_stmt_execute(prepared)) fail(mysql_stmt_error(prepared));
        while (mysql_stmt_fetch(prepared) == 0) found++;
        mysql_stmt_free_result(prepared);
        if (found != 1) fail("an instance is not there");
        worker->samples[number] = now() - start;
    }
    mysql_stmt_close(prepared);
    mysql_close(connection);
    return NULL;
}

static int compare(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

int main(int count, char **arguments) {
    if (count != 8) fail("PORT USER PASSWORD DATABASE ROWS THREADS N");
    words = arguments;
    rows = atol(arguments[5]);
    int threads = atoi(arguments[6]);
    share = atol(arguments[7]) / threads;
    mysql_library_init(0, NULL, NULL);
    struct worker *workers = calloc(threads, sizeof *workers);
    double *samples = malloc(sizeof(double) * share * threads);
    double start = now();
    for (int index = 0; index < threads; index++) {
        workers[index].seed = 4711 + index;
        workers[index].samples = samples + index * share;
        pthread_create(&workers[index].thread, NULL, work, &workers[index]);
    }
    for (int index = 0; index < threads; index++) pthread_join(workers[index].thread, NULL);
    double seconds = (now() - start) / 1e6;
    long all = share * threads;
    qsort(samples, all, sizeof(double), compare);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("{\"metric\": \"rate\", \"value\": %f, \"unit\": \"1/s\"}\n", all / seconds);
    printf("{\"metric\": \"client cpu\", \"value\": %f, \"unit\": \"us\"}\n", cpu / all * 1e6);
    printf("{\"metric\": \"p50\", \"value\": %f, \"unit\": \"us\"}\n", samples[all / 2]);
    printf("{\"metric\": \"p99\", \"value\": %f, \"unit\": \"us\"}\n", samples[all * 99 / 100]);
    return 0;
}
