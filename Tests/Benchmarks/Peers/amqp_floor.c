// The floor: what a plain program over librabbitmq reaches, without JSON, without tasks, without recovery.
//
//   amqp_floor echo    URL io=IO [queue=Q]                      answers requests until its input closes
//   amqp_floor rpc     URL io=IO n=N window=W body=BYTES        N requests, W outstanding
//   amqp_floor publish URL io=IO n=N window=W body=BYTES        N messages, W unconfirmed
//   amqp_floor consume URL io=IO n=N prefetch=P body=BYTES      fills a queue, then takes N, an ack for P/4 each
//   amqp_floor drain   URL io=IO n=N prefetch=P [queue=Q]       takes N as they come, for example from publish keep=yes
//
// exchange=E publishes as oslo.messaging's programs do: through a topic exchange that the queue is bound to, mandatory,
// persistent, with kombu's properties; requests and replies also with confirms, on a connection of their own, and replies
// are acknowledged. Without it, straight into the queue, which costs the broker much less.
//
// io=lib uses the library as its manual says; io=codec has it only encode and decode, and moves the bytes itself, many
// frames a system call: the least that AMQP costs. Prints one figure a line.
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { channel = 1, frame_max = 131072, method_room = 700, properties_room = 4096 };

static void fail(const char *what, const char *why) {
    fprintf(stderr, "amqp_floor: %s: %s\n", what, why);
    exit(1);
}

static void check(amqp_rpc_reply_t reply, const char *what) {
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) fail(what, amqp_error_string2(reply.library_error));
    fail(what, "the broker refused");
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
         + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static void *grow(void *memory, size_t size) {
    void *grown = realloc(memory, size);
    if (!grown) fail("memory", "none left");
    return grown;
}

// ---- A connection, with either way to move bytes

struct link {
    amqp_connection_state_t state;
    int socket;
    int codec;
    // Of what is published; empty: the default exchange.
    const char *exchange;
    // Whether it is published as oslo.messaging's programs do.
    int as_oslo;
    uint8_t *out;
    size_t out_length, out_capacity;
    uint8_t in[frame_max];
    size_t in_length, in_offset;
};

static struct link *link_open(const char *url, int codec) {
    struct link *link = calloc(1, sizeof *link);
    if (!link) fail("memory", "none left");
    link->exchange = "";
    char *text = strdup(url);
    struct amqp_connection_info info;
    amqp_default_connection_info(&info);
    // The library knows one name for the scheme.
    if (!strncmp(text, "rabbit://", 9)) memmove(text, text + 2, strlen(text) - 1), memcpy(text, "amqp", 4);
    if (amqp_parse_url(text, &info)) fail("the URL", "cannot be read");
    link->codec = codec;
    link->state = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(link->state);
    if (!socket || amqp_socket_open(socket, info.host, info.port)) fail("connecting", strerror(errno));
    check(amqp_login(link->state, info.vhost, 0, frame_max, 0, AMQP_SASL_METHOD_PLAIN, info.user, info.password),
          "login");
    amqp_channel_open(link->state, channel);
    check(amqp_get_rpc_reply(link->state), "channel.open");
    link->socket = amqp_get_sockfd(link->state);
    free(text);
    return link;
}

static void link_close(struct link *link) {
    amqp_connection_close(link->state, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(link->state);
    free(link->out);
    free(link);
}

static uint8_t *link_reserve(struct link *link, size_t size) {
    if (link->out_length + size > link->out_capacity) {
        link->out_capacity = 2 * (link->out_length + size);
        link->out = grow(link->out, link->out_capacity);
    }
    return link->out + link->out_length;
}

static size_t put(uint8_t *bytes, uint64_t value, size_t size) {
    for (size_t place = 0; place < size; place++) bytes[place] = (uint8_t)(value >> 8 * (size - 1 - place));
    return size;
}

// Puts a frame's seven bytes before its content, and the one after it.
static void link_frame(struct link *link, uint8_t type, size_t length) {
    uint8_t *frame = link->out + link->out_length;
    frame[0] = type;
    put(frame + 1, channel, 2);
    put(frame + 3, length, 4);
    frame[7 + length] = AMQP_FRAME_END;
    link->out_length += length + 8;
}

static void link_method(struct link *link, amqp_method_number_t id, void *method) {
    uint8_t *frame = link_reserve(link, method_room + 12);
    put(frame + 7, id, 4);
    int length = amqp_encode_method(id, method, (amqp_bytes_t){ method_room, frame + 11 });
    if (length < 0) fail("encoding a method", amqp_error_string2(length));
    link_frame(link, AMQP_FRAME_METHOD, (size_t)length + 4);
}

static void link_publish(struct link *link, amqp_bytes_t key, amqp_basic_properties_t *properties, amqp_bytes_t body) {
    amqp_bytes_t exchange = amqp_cstring_bytes(link->exchange);
    if (!link->codec) {
        int status = amqp_basic_publish(link->state, channel, exchange, key, link->as_oslo, 0, properties, body);
        if (status) fail("publishing", amqp_error_string2(status));
        return;
    }
    amqp_basic_publish_t method = { .exchange = exchange, .routing_key = key, .mandatory = (amqp_boolean_t)link->as_oslo };
    link_method(link, AMQP_BASIC_PUBLISH_METHOD, &method);
    uint8_t *frame = link_reserve(link, properties_room + 20);
    put(frame + 7, AMQP_BASIC_CLASS, 2);
    put(frame + 9, 0, 2);
    put(frame + 11, body.len, 8);
    int length = amqp_encode_properties(AMQP_BASIC_CLASS, properties, (amqp_bytes_t){ properties_room, frame + 19 });
    if (length < 0) fail("encoding properties", amqp_error_string2(length));
    link_frame(link, AMQP_FRAME_HEADER, (size_t)length + 12);
    for (size_t sent = 0; sent < body.len;) {
        size_t part = body.len - sent < frame_max - 8 ? body.len - sent : frame_max - 8;
        frame = link_reserve(link, part + 8);
        memcpy(frame + 7, (uint8_t *)body.bytes + sent, part);
        link_frame(link, AMQP_FRAME_BODY, part);
        sent += part;
    }
}

static void link_acknowledge(struct link *link, uint64_t tag) {
    if (!link->codec) {
        int status = amqp_basic_ack(link->state, channel, tag, 1);
        if (status) fail("acknowledging", amqp_error_string2(status));
        return;
    }
    amqp_basic_ack_t method = { .delivery_tag = tag, .multiple = 1 };
    link_method(link, AMQP_BASIC_ACK_METHOD, &method);
}

static void link_flush(struct link *link) {
    for (size_t sent = 0; sent < link->out_length;) {
        ssize_t count = send(link->socket, link->out + sent, link->out_length - sent, MSG_NOSIGNAL);
        if (count > 0) sent += (size_t)count;
        else if (errno == EAGAIN) poll(&(struct pollfd){ .fd = link->socket, .events = POLLOUT }, 1, -1);
        else if (errno != EINTR) fail("sending", strerror(errno));
    }
    link->out_length = 0;
}

// The next frame; 0: there is none without waiting.
static int link_next(struct link *link, amqp_frame_t *frame, int wait) {
    if (!link->codec) {
        if (!wait && !amqp_data_in_buffer(link->state) && !amqp_frames_enqueued(link->state)) return 0;
        int status = amqp_simple_wait_frame_noblock(link->state, frame, wait ? NULL : &(struct timeval){ 0 });
        if (status == AMQP_STATUS_TIMEOUT) return 0;
        if (status) fail("receiving", amqp_error_string2(status));
        return 1;
    }
    while (1) {
        while (link->in_offset < link->in_length) {
            amqp_bytes_t bytes = { link->in_length - link->in_offset, link->in + link->in_offset };
            int used = amqp_handle_input(link->state, bytes, frame);
            if (used < 0) fail("decoding", amqp_error_string2(used));
            link->in_offset += (size_t)used;
            if (frame->frame_type) return 1;
        }
        if (!wait) return 0;
        ssize_t count = recv(link->socket, link->in, sizeof link->in, 0);
        if (count == 0) fail("receiving", "the broker closed the connection");
        if (count > 0) link->in_length = (size_t)count, link->in_offset = 0;
        else if (errno == EAGAIN) poll(&(struct pollfd){ .fd = link->socket, .events = POLLIN }, 1, -1);
        else if (errno != EINTR) fail("receiving", strerror(errno));
    }
}

static void bind_to_exchange(struct link *link, const char *queue) {
    amqp_bytes_t exchange = amqp_cstring_bytes(link->exchange), name = amqp_cstring_bytes(queue);
    if (!exchange.len) return;
    amqp_exchange_declare(link->state, channel, exchange, amqp_cstring_bytes("topic"), 0, 0, 0, 0, amqp_empty_table);
    check(amqp_get_rpc_reply(link->state), "exchange.declare");
    amqp_queue_bind(link->state, channel, name, exchange, name, amqp_empty_table);
    check(amqp_get_rpc_reply(link->state), "queue.bind");
}

// A queue that stays, bound to the exchange where there is one.
static void declare_kept(struct link *link, const char *queue) {
    amqp_queue_declare(link->state, channel, amqp_cstring_bytes(queue), 0, 0, 0, 0, amqp_empty_table);
    check(amqp_get_rpc_reply(link->state), "queue.declare");
    bind_to_exchange(link, queue);
}

// A queue that goes away with its last consumer, or with the connection.
static char *declare(struct link *link, const char *name, int exclusive) {
    amqp_queue_declare_ok_t *queue = amqp_queue_declare(
        link->state, channel, amqp_cstring_bytes(name), 0, 0, exclusive, !exclusive, amqp_empty_table);
    check(amqp_get_rpc_reply(link->state), "queue.declare");
    return strndup(queue->queue.bytes, queue->queue.len);
}

static void consume(struct link *link, const char *queue, int prefetch, int without_acknowledgement) {
    if (prefetch) {
        amqp_basic_qos(link->state, channel, 0, (uint16_t)prefetch, 0);
        check(amqp_get_rpc_reply(link->state), "basic.qos");
    }
    if (!link->codec) {
        amqp_basic_consume(link->state, channel, amqp_cstring_bytes(queue), amqp_empty_bytes, 0,
                           without_acknowledgement, 0, amqp_empty_table);
        check(amqp_get_rpc_reply(link->state), "basic.consume");
        return;
    }
    // Not by the library: it would keep what comes in one read with the answer.
    amqp_basic_consume_t method = { .queue = amqp_cstring_bytes(queue), .no_ack = without_acknowledgement };
    link_method(link, AMQP_BASIC_CONSUME_METHOD, &method);
    link_flush(link);
    amqp_frame_t frame;
    link_next(link, &frame, 1);
    if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_CONSUME_OK_METHOD)
        fail("basic.consume", "the broker refused");
}

// ---- Deliveries, put together from their frames

struct delivery {
    uint64_t tag;
    char reply_to[256], correlation[64];
    uint8_t *body;
    size_t length, expected, capacity;
};

static void copy_text(char *to, size_t room, amqp_bytes_t text, int is_set) {
    size_t length = !is_set ? 0 : text.len < room - 1 ? text.len : room - 1;
    if (length) memcpy(to, text.bytes, length);
    to[length] = 0;
}

// Takes a frame; returns whether the delivery is whole.
static int take(struct delivery *delivery, amqp_frame_t *frame) {
    if (frame->frame_type == AMQP_FRAME_METHOD) {
        if (frame->payload.method.id != AMQP_BASIC_DELIVER_METHOD) fail("consuming", "another method came");
        delivery->tag = ((amqp_basic_deliver_t *)frame->payload.method.decoded)->delivery_tag;
        return 0;
    }
    if (frame->frame_type == AMQP_FRAME_HEADER) {
        amqp_basic_properties_t *properties = frame->payload.properties.decoded;
        copy_text(delivery->reply_to, sizeof delivery->reply_to, properties->reply_to,
                  !!(properties->_flags & AMQP_BASIC_REPLY_TO_FLAG));
        copy_text(delivery->correlation, sizeof delivery->correlation, properties->correlation_id,
                  !!(properties->_flags & AMQP_BASIC_CORRELATION_ID_FLAG));
        delivery->length = 0;
        delivery->expected = frame->payload.properties.body_size;
        if (delivery->capacity < delivery->expected) {
            delivery->capacity = delivery->expected;
            delivery->body = grow(delivery->body, delivery->capacity);
        }
        return delivery->expected == 0;
    }
    amqp_bytes_t part = frame->payload.body_fragment;
    memcpy(delivery->body + delivery->length, part.bytes, part.len);
    delivery->length += part.len;
    return delivery->length == delivery->expected;
}

static amqp_basic_properties_t properties_of(struct link *link) {
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_CONTENT_TYPE_FLAG,
        .delivery_mode = 1,
        .content_type = amqp_cstring_bytes("application/json"),
    };
    if (!link->as_oslo) return properties;
    properties._flags |= AMQP_BASIC_CONTENT_ENCODING_FLAG | AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_PRIORITY_FLAG;
    properties.content_encoding = amqp_cstring_bytes("utf-8");
    properties.delivery_mode = 2;
    return properties;
}

// Where a program that consumes by `link` publishes: as oslo.messaging's do, by another connection, with confirms.
static struct link *open_publisher(struct link *link, const char *url) {
    if (!link->as_oslo) return link;
    struct link *publisher = link_open(url, link->codec);
    publisher->as_oslo = 1;
    amqp_confirm_select(publisher->state, channel);
    check(amqp_get_rpc_reply(publisher->state), "confirm.select");
    return publisher;
}

// Writes what was published, and takes the confirms that are there. Nobody waits for them.
static void flush_publisher(struct link *publisher, struct link *link) {
    link_flush(publisher);
    amqp_frame_t frame;
    while (publisher != link
           && (publisher->in_offset < publisher->in_length || amqp_data_in_buffer(publisher->state)
               || amqp_frames_enqueued(publisher->state)
               || poll(&(struct pollfd){ .fd = publisher->socket, .events = POLLIN }, 1, 0) > 0)) {
        link_next(publisher, &frame, 1);
        if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
            fail("publishing", "the broker did not confirm");
        amqp_maybe_release_buffers(publisher->state);
    }
}

// ---- Figures

static void figure(const char *metric, double value, const char *unit) {
    printf("{\"metric\": \"%s\", \"value\": %.3f, \"unit\": \"%s\"}\n", metric, value, unit);
}

// The most memory that there was, in KiB; getrusage's is that of the program's parent too.
static double peak_memory(void) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long value = 0;
    while (file && fgets(line, sizeof line, file) && !sscanf(line, "VmHWM: %ld", &value)) {}
    if (file) fclose(file);
    return (double)value;
}

static void report(long count, double seconds, double cpu_seconds) {
    figure("rate", (double)count / seconds, "1/s");
    figure("client cpu", cpu_seconds / (double)count * 1e6, "us");
    figure("client rss", peak_memory(), "KiB");
}

static int ascending(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

// ---- Modes

static int input_is_closed(void) {
    char byte;
    return poll(&(struct pollfd){ .fd = 0, .events = POLLIN }, 1, 0) > 0 && read(0, &byte, 1) == 0;
}

static void echo(struct link *link, const char *queue, const char *url) {
    free(declare(link, queue, 0));
    bind_to_exchange(link, queue);
    // Replies go through the default exchange.
    struct link *publisher = open_publisher(link, url);
    consume(link, queue, 1000, 0);
    printf("ready\n");
    fflush(stdout);
    struct delivery delivery = { 0 };
    amqp_frame_t frame;
    while (!input_is_closed()) {
        // Wakes up once in a while to see whether its input has closed.
        if (link->in_offset == link->in_length && !amqp_data_in_buffer(link->state)
            && !amqp_frames_enqueued(link->state)
            && poll(&(struct pollfd){ .fd = link->socket, .events = POLLIN }, 1, 200) == 0)
            continue;
        uint64_t last = 0;
        for (int wait = 1; link_next(link, &frame, wait);) {
            wait = 0;
            if (!take(&delivery, &frame)) {
                wait = 1;
                continue;
            }
            amqp_basic_properties_t properties = properties_of(link);
            properties._flags |= AMQP_BASIC_CORRELATION_ID_FLAG;
            properties.correlation_id = amqp_cstring_bytes(delivery.correlation);
            link_publish(publisher, amqp_cstring_bytes(delivery.reply_to), &properties,
                         (amqp_bytes_t){ delivery.length, delivery.body });
            last = delivery.tag;
            amqp_maybe_release_buffers(link->state);
        }
        if (last) link_acknowledge(link, last);
        link_flush(link);
        flush_publisher(publisher, link);
    }
    if (publisher != link) link_close(publisher);
}

static void rpc(
    struct link *link, const char *queue, long count, long window, amqp_bytes_t body, const char *url) {
    char *replies = declare(link, "", 1);
    consume(link, replies, link->as_oslo ? 1000 : 0, !link->as_oslo);
    struct link *publisher = open_publisher(link, url);
    publisher->exchange = link->exchange;
    long unsettled = 0;
    long warm = count / 10 + 1, total = count + warm, sent = 0, done = 0;
    double *started = grow(NULL, sizeof(double) * (size_t)total), *took = grow(NULL, sizeof(double) * (size_t)count);
    double begin = 0, begin_cpu = 0;
    struct delivery delivery = { 0 };
    amqp_frame_t frame;
    while (done < total) {
        for (; sent < total && sent - done < window; sent++) {
            char id[24];
            snprintf(id, sizeof id, "%ld", sent);
            amqp_basic_properties_t properties = properties_of(link);
            properties._flags |= AMQP_BASIC_CORRELATION_ID_FLAG | AMQP_BASIC_REPLY_TO_FLAG;
            properties.correlation_id = amqp_cstring_bytes(id);
            properties.reply_to = amqp_cstring_bytes(replies);
            started[sent] = now();
            link_publish(publisher, amqp_cstring_bytes(queue), &properties, body);
        }
        flush_publisher(publisher, link);
        for (int wait = 1; done < sent && link_next(link, &frame, wait);) {
            wait = 1;
            if (!take(&delivery, &frame)) continue;
            wait = 0;
            long id = atol(delivery.correlation);
            if (id < 0 || id >= sent) fail("a reply", "has a strange id");
            if (done >= warm) took[done - warm] = now() - started[id];
            if (++done == warm) begin = now(), begin_cpu = cpu();
            amqp_maybe_release_buffers(link->state);
            if (!link->as_oslo || ++unsettled < 32) continue;
            link_acknowledge(link, delivery.tag);
            link_flush(link);
            unsettled = 0;
        }
    }
    report(count, now() - begin, cpu() - begin_cpu);
    qsort(took, (size_t)count, sizeof(double), ascending);
    figure("p50", took[count / 2] * 1e6, "us");
    figure("p99", took[count * 99 / 100] * 1e6, "us");
    free(started), free(took), free(replies), free(delivery.body);
    if (publisher != link) link_close(publisher);
}

// Publishes with at most `window` messages unconfirmed; 0: without confirms.
static void publish_all(struct link *link, const char *queue, long count, long window, amqp_bytes_t body) {
    amqp_basic_properties_t properties = properties_of(link);
    long sent = 0, confirmed = 0;
    amqp_frame_t frame;
    while (window ? confirmed < count : sent < count) {
        for (; sent < count && (!window || sent - confirmed < window); sent++) {
            link_publish(link, amqp_cstring_bytes(queue), &properties, body);
            if (sent % 32 == 31) link_flush(link);
        }
        link_flush(link);
        for (int wait = 1; window && link_next(link, &frame, wait); wait = 0) {
            if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
                fail("publishing", "the broker did not confirm");
            // On one queue confirms come in order.
            long tag = (long)((amqp_basic_ack_t *)frame.payload.method.decoded)->delivery_tag;
            if (tag > confirmed) confirmed = tag;
            amqp_maybe_release_buffers(link->state);
        }
    }
}

static void publish(struct link *link, const char *queue, long count, long window, amqp_bytes_t body, int keep) {
    declare_kept(link, queue);
    if (!keep) {
        amqp_queue_purge(link->state, channel, amqp_cstring_bytes(queue));
        check(amqp_get_rpc_reply(link->state), "queue.purge");
    }
    amqp_confirm_select(link->state, channel);
    check(amqp_get_rpc_reply(link->state), "confirm.select");
    double begin = now(), begin_cpu = cpu();
    publish_all(link, queue, count, window, body);
    report(count, now() - begin, cpu() - begin_cpu);
    if (!keep) {
        link->codec = 0;
        amqp_queue_delete(link->state, channel, amqp_cstring_bytes(queue), 0, 0);
    }
}

static void drain(struct link *link, const char *queue, long count, int prefetch) {
    consume(link, queue, prefetch, 0);
    struct delivery delivery = { 0 };
    amqp_frame_t frame;
    long done = 0, unsettled = 0, every = prefetch / 4 ? prefetch / 4 : 1;
    double begin = 0, begin_cpu = 0;
    while (done < count) {
        for (int wait = 1; done < count && link_next(link, &frame, wait);) {
            wait = 1;
            if (!take(&delivery, &frame)) continue;
            wait = 0;
            // From the first on: a drain may have waited for it.
            if (done++ == 0) begin = now(), begin_cpu = cpu();
            amqp_maybe_release_buffers(link->state);
            if (++unsettled >= every) link_acknowledge(link, delivery.tag), unsettled = 0;
        }
        if (unsettled) link_acknowledge(link, delivery.tag), unsettled = 0;
        link_flush(link);
    }
    report(count, now() - begin, cpu() - begin_cpu);
    free(delivery.body);
}

static const char *option(int count, char **arguments, const char *name, const char *otherwise) {
    size_t length = strlen(name);
    for (int place = 3; place < count; place++)
        if (!strncmp(arguments[place], name, length) && arguments[place][length] == '=')
            return arguments[place] + length + 1;
    return otherwise;
}

int main(int count, char **arguments) {
    if (count < 3) {
        fprintf(stderr, "usage: amqp_floor echo|rpc|publish|consume|drain URL [io=lib|codec] [name=value]...\n");
        return 2;
    }
    const char *mode = arguments[1], *queue = option(count, arguments, "queue", "floor");
    long number = atol(option(count, arguments, "n", "10000")), window = atol(option(count, arguments, "window", "1"));
    int prefetch = atoi(option(count, arguments, "prefetch", "400"));
    size_t size = (size_t)atol(option(count, arguments, "body", "1024"));
    if (number < 1 || window < 1) fail("the arguments", "n and window are at least 1");
    amqp_bytes_t body = { size, memset(grow(NULL, size + 1), 'x', size) };
    struct link *link = link_open(arguments[2], !strcmp(option(count, arguments, "io", "lib"), "codec"));
    link->exchange = option(count, arguments, "exchange", "");
    link->as_oslo = !!*link->exchange;
    if (!strcmp(mode, "echo")) {
        echo(link, queue, arguments[2]);
    } else if (!strcmp(mode, "rpc")) {
        rpc(link, queue, number, window, body, arguments[2]);
    } else if (!strcmp(mode, "publish")) {
        publish(link, queue, number, window, body, !strcmp(option(count, arguments, "keep", "no"), "yes"));
    } else if (!strcmp(mode, "drain")) {
        declare_kept(link, queue);
        drain(link, queue, number, prefetch);
    } else if (!strcmp(mode, "consume")) {
        struct link *filler = link_open(arguments[2], 1);
        filler->exchange = link->exchange;
        filler->as_oslo = link->as_oslo;
        declare_kept(filler, queue);
        amqp_queue_purge(filler->state, channel, amqp_cstring_bytes(queue));
        check(amqp_get_rpc_reply(filler->state), "queue.purge");
        amqp_confirm_select(filler->state, channel);
        check(amqp_get_rpc_reply(filler->state), "confirm.select");
        publish_all(filler, queue, number, 500, body);
        drain(link, queue, number, prefetch);
        filler->codec = 0;
        amqp_queue_delete(filler->state, channel, amqp_cstring_bytes(queue), 0, 0);
        link_close(filler);
    } else {
        fail(mode, "is no mode");
    }
    link_close(link);
    free(body.bytes);
    return 0;
}
