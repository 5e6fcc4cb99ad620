/*
 * A load generator for HTTP/1.1 POSTs: one thread, epoll, loopback only, bounded time.
 *
 *   loadgen -p PORT -u PATH -b BODY_FILE [-c CONNECTIONS] [-r RATE] [-w WARM_S] [-d SECONDS] [-n REQUESTS]
 *
 * Closed loop (no -r): every connection sends its next request as soon as it has its answer; what a server can do.
 * Open loop (-r): request i is due at i/RATE seconds, whether or not earlier ones are answered, and its latency counts
 * from then. A stalled server cannot hide its stall by receiving less (no coordinated omission).
 *
 * "@@@@@@@@" in the body becomes a running number of eight digits, so that no two requests are equal.
 * Stamps that upstream.c puts into streams, T<16 digits>; give the one-way time of each event and the first's latency.
 *
 * Standard output: "begin" and "end" at the bounds of the measured window, for whoever reads other clocks then, and one
 * JSON line. Counts and latencies are of requests due in the window, `finished` and `events` are what came within it,
 * `sent` is everything, warming up included, `unfinished` what is unanswered 5 s later. Times are in microseconds; -n
 * ends the window after so many requests.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_BYTES = 16 * 1024, READ_BYTES = 64 * 1024, BODY_BYTES = 1024 * 1024, BATCH = 512 };
enum { DRAIN_S = 5, STUCK_MS = 1000 };

/* ---- samples ---- */

typedef struct {
    float *values;
    long count, capacity;
} Samples;

static Samples latencies, lags, first_events, transits;

static void add(Samples *s, double value) {
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 65536;
        s->values = realloc(s->values, s->capacity * sizeof *s->values);
    }
    s->values[s->count++] = value;
}

static int ascending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double quantile(const Samples *s, double q) { return s->values[(long)(q * (s->count - 1) + .5)]; }

static void print_quantiles(const char *name, Samples *s) {
    if (!s->count) {
        printf(",\"%s\":null", name);
        return;
    }
    qsort(s->values, s->count, sizeof *s->values, ascending);
    printf(",\"%s\":{\"count\":%ld,\"p50\":%.1f,\"p95\":%.1f,\"p99\":%.1f}", name, s->count, quantile(s, .5),
           quantile(s, .95), quantile(s, .99));
}

/* ---- what is sent, when, and what came of it ---- */

typedef enum { HEAD, BODY, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER } Part;

typedef struct {
    int fd;
    bool busy;
    double due, sent;    /* of the request under way */
    bool first_seen;     /* its first stamp has come */
    Part part;           /* of the answer that comes next */
    long left;           /* bytes to come; in CHUNK_SIZE the size so far, in TRAILER the length of the line */
    bool size_read;      /* in CHUNK_SIZE: an extension follows */
    int status;
    bool closes;         /* the server closes after this answer */
    int stamp_at;        /* how much of a stamp has been seen: 0 none, 1 'T', 2..17 digits */
    double stamp;
    int head_length;
    char head[HEAD_BYTES];
} Connection;

static struct sockaddr_in server = {.sin_family = AF_INET};
static int poller;
static Connection **idle; /* a stack */
static int idle_count, connection_count, connection_limit = 32;

static char *request, *number_in_request;
static long request_length, request_limit = -1;
static unsigned next_number;
static double rate, warm_s = 1, window_s = 3;

static double started, window_begin, window_end; /* microseconds */
static long sent, answered, refused, broken, finished, events, in_flight;
static char first_refusal[400];

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static bool in_window(double t) { return t >= window_begin && t < window_end; }

/* ---- connections ---- */

static void dial(Connection *c) {
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (void *)&server, sizeof server)) {
        perror("loadgen: cannot connect");
        exit(3);
    }
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event readable = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &readable);
}

static void redial(Connection *c) {
    close(c->fd);
    dial(c);
}

static Connection *idle_connection(void) {
    if (idle_count) return idle[--idle_count];
    if (connection_count == connection_limit) return NULL;
    connection_count++;
    Connection *c = calloc(1, sizeof *c);
    dial(c);
    return c;
}

static void release(Connection *c) {
    c->busy = false;
    in_flight--;
    idle[idle_count++] = c;
}

static void count_broken(Connection *c) {
    if (in_window(c->due)) broken++;
    redial(c);
    release(c);
}

static void send_request(Connection *c, double due) {
    if (number_in_request) {
        char digits[9];
        snprintf(digits, sizeof digits, "%08u", next_number++ % 100000000u);
        memcpy(number_in_request, digits, 8);
    }
    c->busy = true;
    c->due = due;
    c->sent = now_us();
    c->first_seen = false;
    c->part = HEAD;
    c->head_length = c->stamp_at = 0;
    sent++;
    in_flight++;
    for (long done = 0; done < request_length;) {
        ssize_t n = send(c->fd, request + done, request_length - done, MSG_NOSIGNAL);
        struct pollfd writable = {.fd = c->fd, .events = POLLOUT};
        if (n > 0) {
            done += n;
        } else if (errno != EAGAIN || poll(&writable, 1, STUCK_MS) <= 0) {
            count_broken(c);
            return;
        }
    }
}

/* ---- the answer, as its bytes come ---- */

static void see_stamp(Connection *c, double now) {
    if (in_window(now)) events++;
    if (!in_window(c->due)) return;
    add(&transits, now - c->stamp);
    if (!c->first_seen) add(&first_events, now - c->due);
    c->first_seen = true;
}

/* Find T<16 digits>; also where it is torn between two reads. */
static void scan_stamps(Connection *c, const char *data, long n, double now) {
    for (const char *end = data + n; data < end; data++) {
        bool digit = *data >= '0' && *data <= '9';
        if (c->stamp_at >= 1 && c->stamp_at <= 16 && digit) {
            c->stamp = 10 * c->stamp + (*data - '0');
            c->stamp_at++;
        } else {
            if (c->stamp_at == 17 && *data == ';') see_stamp(c, now);
            c->stamp_at = *data == 'T';
            c->stamp = 0;
        }
    }
}

/* Status and framing. An answer with neither length nor chunks would end with the connection: it counts as broken. */
static void read_head(Connection *c) {
    c->status = atoi(c->head + 9);
    c->closes = false;
    c->part = BODY;
    c->left = -1;
    for (char *line = c->head; (line = strstr(line, "\r\n")) && line[2] != '\r';) {
        line += 2;
        if (!strncasecmp(line, "content-length:", 15)) c->left = strtol(line + 15, NULL, 10);
        if (!strncasecmp(line, "connection: close", 17)) c->closes = true;
        if (!strncasecmp(line, "transfer-encoding: chunked", 26)) {
            c->part = CHUNK_SIZE;
            c->left = 0;
            c->size_read = false;
            return;
        }
    }
}

static void read_head_byte(Connection *c, char byte) {
    c->head[c->head_length++] = byte;
    c->head[c->head_length] = 0;
    if (c->head_length >= 4 && !memcmp(c->head + c->head_length - 4, "\r\n\r\n", 4)) read_head(c);
}

static void read_size_byte(Connection *c, char byte) {
    static const char hex[] = "0123456789abcdef";
    const char *digit = byte ? strchr(hex, byte | 0x20) : NULL;
    if (byte == '\n') {
        c->part = c->left ? CHUNK_DATA : TRAILER;
    } else if (digit && !c->size_read) {
        c->left = 16 * c->left + (digit - hex);
    } else {
        c->size_read = true;
    }
}

/* Read on; true once the answer is whole. */
static bool consume(Connection *c, const char *data, long n, double now) {
    for (const char *end = data + n; data < end;) {
        long take = end - data < c->left ? end - data : c->left;
        switch (c->part) {
        case HEAD:
            if (c->head_length == HEAD_BYTES - 1) return false;
            read_head_byte(c, *data++);
            if (c->part == BODY && c->left == 0) return true;
            break;
        case BODY:
        case CHUNK_DATA:
            if (take <= 0) return false;
            if (c->status / 100 != 2 && !first_refusal[0]) memcpy(first_refusal, data, take < 399 ? take : 399);
            scan_stamps(c, data, take, now);
            data += take;
            c->left -= take;
            if (c->left == 0 && c->part == BODY) return true;
            if (c->left == 0) c->part = CHUNK_END;
            break;
        case CHUNK_END:
            if (*data++ == '\n') {
                c->part = CHUNK_SIZE;
                c->size_read = false;
            }
            break;
        case CHUNK_SIZE: read_size_byte(c, *data++); break;
        case TRAILER:
            if (*data == '\n' && c->left == 0) return true;
            c->left = *data == '\n' ? 0 : c->left + (*data != '\r');
            data++;
            break;
        }
    }
    return false;
}

static void count_answer(Connection *c, double now) {
    bool good = c->status / 100 == 2;
    if (good && in_window(now)) finished++;
    if (in_window(c->due)) {
        if (good) answered++;
        else refused++;
        add(&latencies, now - c->due);
        add(&lags, c->sent - c->due);
    }
    if (c->closes) redial(c);
    release(c);
}

static void receive(Connection *c) {
    static char data[READ_BYTES];
    ssize_t n = recv(c->fd, data, sizeof data, 0);
    double now = now_us();
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        if (c->busy) count_broken(c);
        else redial(c);
    } else if (c->busy && consume(c, data, n, now)) {
        count_answer(c, now);
    }
}

/* ---- the schedule ---- */

static double due_of(long number) { return rate > 0 ? started + number * 1e6 / rate : now_us(); }

static bool more_to_send(void) { return request_limit < 0 || sent < request_limit; }

/* How many requests of an open loop are due before the window ends and not sent yet. */
static long count_owed(void) {
    long number = sent;
    if (rate > 0 && more_to_send())
        while (due_of(number) < window_end) number++;
    return number - sent;
}

static void send_what_is_due(void) {
    for (double due; more_to_send() && (due = due_of(sent)) <= now_us() && due < window_end;) {
        Connection *c = idle_connection();
        if (!c) return; /* it stays due, and its latency grows */
        send_request(c, due);
    }
}

static void wait_and_receive(double until) {
    struct epoll_event ready[BATCH];
    double left_us = until - now_us();
    bool scheduled = rate > 0 && more_to_send() && due_of(sent) < window_end;
    bool free_connection = idle_count || connection_count < connection_limit;
    if (scheduled && free_connection && due_of(sent) - now_us() < left_us) left_us = due_of(sent) - now_us();
    if (left_us < 0) left_us = 0;
    struct timespec timeout = {.tv_sec = left_us / 1e6};
    timeout.tv_nsec = (left_us - timeout.tv_sec * 1e6) * 1e3;
    int count = epoll_pwait2(poller, ready, BATCH, &timeout, NULL);
    for (int i = 0; i < count; i++) receive(ready[i].data.ptr);
}

static void say(const char *word) {
    puts(word);
    fflush(stdout);
}

static void run(void) {
    started = now_us();
    window_begin = started + warm_s * 1e6;
    window_end = window_begin + window_s * 1e6;
    while (now_us() < window_begin) {
        send_what_is_due();
        wait_and_receive(window_begin);
    }
    say("begin");
    while (now_us() < window_end && (more_to_send() || in_flight)) {
        send_what_is_due();
        wait_and_receive(window_end);
    }
    say("end");
    if (now_us() < window_end) window_end = now_us();
    for (double limit = now_us() + DRAIN_S * 1e6; (in_flight || count_owed()) && now_us() < limit;) {
        send_what_is_due();
        wait_and_receive(limit);
    }
}

static void print_outcome(void) {
    printf("{\"sent\":%ld,\"answered\":%ld,\"refused\":%ld,\"broken\":%ld,\"unfinished\":%ld,\"seconds\":%.6f,"
           "\"finished\":%ld,\"events\":%ld",
           sent, answered, refused, broken, in_flight + count_owed(), (window_end - window_begin) / 1e6, finished,
           events);
    print_quantiles("latency_us", &latencies);
    print_quantiles("lag_us", &lags);
    print_quantiles("first_event_us", &first_events);
    print_quantiles("transit_us", &transits);
    puts("}");
    if (first_refusal[0]) fprintf(stderr, "%.399s\n", first_refusal);
}

/* ---- the command line ---- */

static void compose_request(const char *path, const char *body_file, const char *header) {
    static char body[BODY_BYTES];
    FILE *file = fopen(body_file, "rb");
    if (!file) {
        perror(body_file);
        exit(2);
    }
    size_t length = fread(body, 1, sizeof body, file);
    fclose(file);
    request = malloc(length + 1024);
    int head = snprintf(request, 1024,
                        "POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\naccept: */*\r\n"
                        "%s%scontent-length: %zu\r\n\r\n",
                        path, ntohs(server.sin_port), header, *header ? "\r\n" : "", length);
    memcpy(request + head, body, length);
    request_length = head + length;
    number_in_request = memmem(request, request_length, "@@@@@@@@", 8);
}

int main(int argc, char **argv) {
    const char *path = "/", *body_file = NULL, *header = "";
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* end with the process that started it */
    prctl(PR_SET_TIMERSLACK, 1);      /* nanoseconds: requests leave when they are due */
    for (int option; (option = getopt(argc, argv, "p:u:b:h:c:r:w:d:n:")) != -1;) {
        switch (option) {
        case 'p': server.sin_port = htons(atoi(optarg)); break;
        case 'u': path = optarg; break;
        case 'b': body_file = optarg; break;
        case 'h': header = optarg; break;
        case 'c': connection_limit = atoi(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 'w': warm_s = atof(optarg); break;
        case 'd': window_s = atof(optarg); break;
        case 'n': request_limit = atol(optarg); break;
        default: return 2;
        }
    }
    if (!server.sin_port || !body_file || strlen(path) + strlen(header) > 512) {
        fprintf(stderr, "usage: loadgen -p PORT -u PATH -b BODY_FILE [-h HEADER] [-c N] [-r RATE] [-w S] [-d S] [-n REQUESTS]\n");
        return 2;
    }
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    poller = epoll_create1(0);
    idle = calloc(connection_limit, sizeof *idle);
    compose_request(path, body_file, header);
    run();
    print_outcome();
    return 0;
}
