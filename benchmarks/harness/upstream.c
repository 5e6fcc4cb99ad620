/*
 * A stub of the OpenAI API: one thread, epoll, HTTP/1.1 with keep-alive, loopback only.
 *
 *   upstream [PORT [DELAY]]   prints its port once it listens (a free one by default, also for 0); ends with the process
 *                             that started it
 *
 *   POST  A chat completion: a fixed answer of about 600 bytes, or where the body says "stream":true, "max_tokens"
 *         events that are "seed" microseconds apart (0: all at once). The text of each event is a stamp, T<16 digits>;
 *         the monotonic clock in microseconds at which it was written. A reader on this machine knows from it how long
 *         the event was under way. The first event comes after DELAY microseconds, give or take a half of them (0: at
 *         once), as prompts differ in length.
 *   GET   {"answered": N}: how many POSTs came so far. It tells a proxy's hits from its misses.
 *         /delay/N sets DELAY for streams from now on: a server that gets slow. /stumble/N/DELAY sets it for every N-th
 *         stream alone, 0 for none.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
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

enum { REQUEST_BYTES = 256 * 1024, EVENT_BYTES = 512, MOST_STREAMS = 4096, BATCH = 256, STUCK_MS = 1000 };

typedef struct {
    int fd;
    long received;    /* bytes in `in`: requests that are not answered yet */
    int events_left;  /* of the stream being written */
    bool streaming;
    bool fresh;       /* the stream's first event is still to come */
    double gap, due;  /* microseconds: between events; when the next one is to be written */
    char in[REQUEST_BYTES];
} Connection;

static Connection *streams[MOST_STREAMS];
static int stream_count;
static long answered, delay_us, stumble_every, stumble_us;
static char whole_answer[1024];
static int poller;

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void forget_stream(Connection *c) {
    for (int i = 0; i < stream_count; i++)
        if (streams[i] == c) {
            streams[i] = streams[--stream_count];
            break;
        }
    c->streaming = false;
}

static void drop(Connection *c) {
    forget_stream(c);
    close(c->fd);
    free(c);
}

/* Write all of it; a reader that takes nothing for a second is given up. */
static bool put(Connection *c, const char *data, long n) {
    while (n > 0) {
        ssize_t sent = send(c->fd, data, n, MSG_NOSIGNAL);
        if (sent > 0) {
            data += sent;
            n -= sent;
        } else if (errno == EAGAIN) {
            struct pollfd writable = {.fd = c->fd, .events = POLLOUT};
            if (poll(&writable, 1, STUCK_MS) <= 0) return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static bool put_chunk(Connection *c, const char *before, const char *payload, int n, const char *after) {
    char chunk[2 * EVENT_BYTES];
    int size = snprintf(chunk, sizeof chunk, "%s%x\r\n%.*s\r\n%s", before, n, n, payload, after);
    return put(c, chunk, size);
}

/* The head goes out with the first event, in one segment. */
static bool put_event(Connection *c) {
    static const char head[] = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                               "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
    bool first = c->fresh;
    char event[EVENT_BYTES];
    int n = snprintf(event, sizeof event,
                     "data: {\"id\":\"chatcmpl-stub\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
                     "\"model\":\"stub\",\"choices\":[{\"index\":0,\"delta\":{%s\"content\":\"T%016.0f;\"},"
                     "\"logprobs\":null,\"finish_reason\":null}]}\n\n",
                     first ? "\"role\":\"assistant\"," : "", now_us());
    c->fresh = false;
    return put_chunk(c, first ? head : "", event, n, "");
}

static bool put_last_event(Connection *c) {
    static const char last[] =
        "data: {\"id\":\"chatcmpl-stub\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
        "\"model\":\"stub\",\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n"
        "data: [DONE]\n\n";
    return put_chunk(c, "", last, sizeof last - 1, "0\r\n\r\n");
}

/* Write the event that is due, or the stream's end. */
static bool step_stream(Connection *c) {
    if (c->events_left-- > 0) {
        c->due += c->gap;
        return put_event(c);
    }
    forget_stream(c);
    return put_last_event(c);
}

/* The number after `key` in the body, or `otherwise`. A stub needs no JSON parser: the bodies are the harness's own. */
static long number(const char *body, long n, const char *key, long otherwise) {
    const char *at = memmem(body, n, key, strlen(key));
    if (!at) return otherwise;
    at += strlen(key);
    while (at < body + n && (*at == ' ' || *at == ':')) at++;
    return strtol(at, NULL, 10);
}

static bool begin_stream(Connection *c, const char *body, long n) {
    if (stream_count == MOST_STREAMS) return false;
    long wanted = number(body, n, "\"max_tokens\"", 16);
    c->events_left = wanted > 0 ? wanted : 1;
    c->gap = number(body, n, "\"seed\"", 0);
    bool stumbles = stumble_every && answered % stumble_every == 0;
    c->due = now_us() + (stumbles ? stumble_us : delay_us) * (.5 + (double)rand() / RAND_MAX);
    c->fresh = c->streaming = true;
    streams[stream_count++] = c;
    return delay_us || step_stream(c);
}

static bool answer_count(Connection *c) {
    char body[64], answer[256];
    int n = snprintf(body, sizeof body, "{\"answered\": %ld}", answered);
    n = snprintf(answer, sizeof answer,
                 "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s", n, body);
    return put(c, answer, n);
}

static bool answer(Connection *c, const char *body, long n) {
    if (!strncmp(c->in, "GET /delay/", 11)) delay_us = atol(c->in + 11);
    sscanf(c->in, "GET /stumble/%ld/%ld", &stumble_every, &stumble_us);
    if (!strncmp(c->in, "GET", 3)) return answer_count(c);
    answered++;
    bool stream = memmem(body, n, "\"stream\":true", 13) || memmem(body, n, "\"stream\": true", 14);
    return stream ? begin_stream(c, body, n) : put(c, whole_answer, strlen(whole_answer));
}

/* Where the request that begins at `in` ends, or NULL while a part of it is under way. Sets where its body begins. */
static char *request_end(Connection *c, char **body) {
    char *end = c->in + c->received, *head = memmem(c->in, c->received, "\r\n\r\n", 4);
    if (!head) return NULL;
    *body = head + 4;
    long length = 0;
    for (char *line = c->in; line < head; line = (char *)memmem(line, end - line, "\r\n", 2) + 2) {
        if (!strncasecmp(line, "content-length:", 15)) length = strtol(line + 15, NULL, 10);
        if (!strncasecmp(line, "transfer-encoding: chunked", 26)) {
            char *last = memmem(*body, end - *body, "0\r\n\r\n", 5);
            return last ? last + 5 : NULL;
        }
    }
    return end - *body >= length ? *body + length : NULL;
}

/* Answer what has fully arrived; a stream under way goes first. */
static bool answer_all(Connection *c) {
    char *body, *end;
    while (!c->streaming && (end = request_end(c, &body))) {
        if (!answer(c, body, end - body)) return false;
        c->received -= end - c->in;
        memmove(c->in, end, c->received);
    }
    return true;
}

static void receive(Connection *c) {
    /* One byte stays free: the text of the buffer always ends with a zero. */
    ssize_t n = recv(c->fd, c->in + c->received, REQUEST_BYTES - 1 - c->received, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n > 0) {
        c->received += n;
        c->in[c->received] = 0;
    }
    if (n <= 0 || !answer_all(c)) drop(c);
}

static void write_due_events(void) {
    double now = now_us();
    for (int i = stream_count - 1; i >= 0; i--) {
        Connection *c = streams[i];
        bool alive = true;
        while (alive && c->streaming && c->due <= now) alive = step_stream(c);
        if (!alive || !answer_all(c)) drop(c);
    }
}

static void accept_all(int listener) {
    for (int fd, on = 1; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        Connection *c = calloc(1, sizeof *c);
        c->fd = fd;
        struct epoll_event readable = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &readable);
    }
}

/* Wait for the network, at most until the next event of a stream is due. */
static int wait_for(struct epoll_event *ready) {
    double due = now_us() + 1e6;
    for (int i = 0; i < stream_count; i++)
        if (streams[i]->due < due) due = streams[i]->due;
    double left_us = due - now_us();
    if (left_us < 0) left_us = 0;
    struct timespec timeout = {.tv_sec = left_us / 1e6};
    timeout.tv_nsec = (left_us - timeout.tv_sec * 1e6) * 1e3;
    return epoll_pwait2(poller, ready, BATCH, &timeout, NULL);
}

static int listen_on_loopback(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    address.sin_port = htons(port);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (void *)&address, size) || listen(listener, 4096)) {
        perror("upstream: cannot listen");
        exit(1);
    }
    getsockname(listener, (void *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static void compose_whole_answer(void) {
    static const char body[] =
        "{\"id\":\"chatcmpl-stub\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"stub\","
        "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Your parcel left our warehouse this morning. "
        "It travels by train for two days and a van brings it to your door on the third; the driver calls half an hour "
        "before. If nobody is at home, it waits a week for you at the nearest post office.\",\"refusal\":null,"
        "\"tool_calls\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":24,"
        "\"completion_tokens\":48,\"total_tokens\":72},\"system_fingerprint\":\"fp_stub\"}";
    snprintf(whole_answer, sizeof whole_answer,
             "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s", sizeof body - 1,
             body);
}

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_TIMERSLACK, 1); /* nanoseconds: events leave when they are due */
    compose_whole_answer();
    delay_us = argc > 2 ? atol(argv[2]) : 0;
    poller = epoll_create1(0);
    int listener = listen_on_loopback(argc > 1 ? atoi(argv[1]) : 0);
    struct epoll_event incoming = {.events = EPOLLIN, .data.ptr = NULL}, ready[BATCH];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &incoming);
    for (;;) {
        int count = wait_for(ready);
        for (int i = 0; i < count; i++) {
            if (ready[i].data.ptr)
                receive(ready[i].data.ptr);
            else
                accept_all(listener);
        }
        write_due_events();
    }
}
