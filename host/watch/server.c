#include "watch/server.h"

#include "base/memory.h"
#include "base/random.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* Answers to it, which all clients share. */
struct document {
    const char *path;
    char tag[SERVER_TAG_BYTES + 2]; /* in its quotes */
    struct MHD_Response *whole, *unchanged;
};

struct server {
    struct MHD_Daemon *daemon;
    char *policy;
    int port;
    pthread_mutex_t lock; /* of the documents: they are replaced while others ask for them */
    struct document documents[SERVER_DOCUMENTS];
    int count;
};

/* ---- answers ---- */

static bool add_headers(const struct server *server, struct MHD_Response *response) {
    const char *const headers[][2] = {
        {"Content-Security-Policy", server->policy},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cache-Control", "no-cache"}, /* kept, and asked for each time whether it is still the one */
    };
    for (size_t h = 0; h < sizeof headers / sizeof *headers; h++)
        if (MHD_add_response_header(response, headers[h][0], headers[h][1]) != MHD_YES)
            return false;
    return true;
}

/* NULL where there is no memory. The text is copied. */
static struct MHD_Response *new_response(const struct server *server, const char *type, const char *text,
                                         size_t length) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(length, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    if (response && (!add_headers(server, response) ||
                     MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) != MHD_YES)) {
        MHD_destroy_response(response);
        return NULL;
    }
    return response;
}

static enum MHD_Result refuse(const struct server *server, struct MHD_Connection *connection, unsigned code,
                              const char *words) {
    struct MHD_Response *response = new_response(server, "text/plain; charset=utf-8", words, strlen(words));
    if (!response)
        return MHD_NO;
    bool complete = code != MHD_HTTP_METHOD_NOT_ALLOWED ||
                    MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES;
    enum MHD_Result result = complete ? MHD_queue_response(connection, code, response) : MHD_NO;
    MHD_destroy_response(response);
    return result;
}

/* "localhost:8080": whatever the port, which a tunnel to this machine changes. */
static bool is_loopback(const char *host) {
    static const char *const names[] = {"127.0.0.1", "localhost"};
    for (size_t n = 0; host && n < sizeof names / sizeof *names; n++) {
        size_t length = strlen(names[n]);
        if (strncasecmp(host, names[n], length) != 0)
            continue;
        if (host[length] == '\0' ||
            (host[length] == ':' && strspn(host + length + 1, "0123456789") == strlen(host + length + 1)))
            return true;
    }
    return false;
}

/* Whether a list such as `"a", W/"b"` has the tag, or is "*". */
static bool has_tag(const char *list, const char *tag) {
    return list && (strcmp(list, "*") == 0 || strstr(list, tag));
}

static enum MHD_Result send_document(struct server *server, struct MHD_Connection *connection, const char *path) {
    const char *known = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH);
    enum MHD_Result result = MHD_NO;
    bool found = false;
    pthread_mutex_lock(&server->lock);
    for (int d = 0; d < server->count && !found; d++) {
        const struct document *document = &server->documents[d];
        found = strcmp(document->path, path) == 0;
        if (found && has_tag(known, document->tag))
            result = MHD_queue_response(connection, MHD_HTTP_NOT_MODIFIED, document->unchanged);
        else if (found)
            result = MHD_queue_response(connection, MHD_HTTP_OK, document->whole);
    }
    pthread_mutex_unlock(&server->lock);
    return found ? result : refuse(server, connection, MHD_HTTP_NOT_FOUND, "There is nothing of this name here.\n");
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                              const char *version, const char *upload, size_t *upload_bytes, void **state) {
    struct server *server = context;
    (void)version, (void)upload, (void)upload_bytes;
    if (!is_loopback(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST)))
        return refuse(server, connection, MHD_HTTP_FORBIDDEN, "This is for localhost and 127.0.0.1 alone.\n");
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return refuse(server, connection, MHD_HTTP_METHOD_NOT_ALLOWED, "Here one can only read.\n");
    /* Called first with the headers: a connection that is answered then is closed. */
    static char seen;
    if (*state != &seen) {
        *state = &seen;
        return MHD_YES;
    }
    return send_document(server, connection, path);
}

/* ---- listening ---- */

static status refuse_port(int port) {
    if (errno == EADDRINUSE)
        return fail_usage("the port %d of 127.0.0.1 is in use by another program; choose another one with --port, or "
                          "leave it out for one that is free",
                          port);
    if (errno == EACCES)
        return fail_usage("the port %d is for root alone; choose one from 1024 on with --port, or leave it out for one "
                          "that is free",
                          port);
    return fail("cannot listen at port %d of 127.0.0.1: %s", port, strerror(errno));
}

/* *port is the one it has then. */
static status listen_at(int *port, int *listening) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)*port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t bytes = sizeof address;
    int one = 1;
    *listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*listening < 0)
        return fail("cannot open a socket: %s", strerror(errno));
    /* A port whose last connections have just ended may be taken again. */
    if (setsockopt(*listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        bind(*listening, (struct sockaddr *)&address, sizeof address) == 0 &&
        listen(*listening, SERVER_CONNECTIONS) == 0 &&
        getsockname(*listening, (struct sockaddr *)&address, &bytes) == 0) {
        *port = ntohs(address.sin_port);
        return STATUS_OK;
    }
    status outcome = refuse_port(*port);
    close(*listening);
    return outcome;
}

/* Signals are for the thread that waits for them. */
static void start(struct server *server, int listening) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    server->daemon = MHD_start_daemon(
        MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, answer, server, MHD_OPTION_LISTEN_SOCKET,
        listening, MHD_OPTION_CONNECTION_LIMIT, (unsigned)SERVER_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)SERVER_SILENCE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16384, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

status server_open(int port, const char *policy, struct server **result) {
    int listening;
    *result = NULL;
    TRY(listen_at(&port, &listening));
    struct server *server = memory_allocate(1, sizeof *server);
    server->policy = memory_copy_text(policy);
    server->port = port;
    pthread_mutex_init(&server->lock, NULL);
    start(server, listening);
    if (!server->daemon) {
        close(listening);
        server_close(server);
        return fail("cannot serve at port %d of 127.0.0.1: %s", port, strerror(errno));
    }
    *result = server;
    return STATUS_OK;
}

static void release(struct document *document) {
    if (document->whole)
        MHD_destroy_response(document->whole);
    if (document->unchanged)
        MHD_destroy_response(document->unchanged);
}

void server_close(struct server *server) {
    if (!server)
        return;
    if (server->daemon)
        MHD_stop_daemon(server->daemon); /* and the socket with it */
    for (int d = 0; d < server->count; d++)
        release(&server->documents[d]);
    pthread_mutex_destroy(&server->lock);
    free(server->policy);
    free(server);
}

int server_port(const struct server *server) {
    return server->port;
}

/* ---- publishing ---- */

static bool make_document(const struct server *server, const char *path, const char *text, size_t length,
                          struct document *document) {
    static const char type[] = "text/html; charset=utf-8";
    *document = (struct document){.path = path};
    snprintf(document->tag, sizeof document->tag, "\"%016" PRIx64 "\"", hash_bytes(HASH_START, text, length));
    document->whole = new_response(server, type, text, length);
    document->unchanged = new_response(server, type, "", 0);
    if (document->whole && document->unchanged &&
        MHD_add_response_header(document->whole, MHD_HTTP_HEADER_ETAG, document->tag) == MHD_YES &&
        MHD_add_response_header(document->unchanged, MHD_HTTP_HEADER_ETAG, document->tag) == MHD_YES)
        return true;
    release(document);
    return false;
}

/* Who is being answered keeps the old one until then. */
static void put(struct server *server, const struct document *document) {
    pthread_mutex_lock(&server->lock);
    int place = 0;
    while (place < server->count && strcmp(server->documents[place].path, document->path) != 0)
        place++;
    if (place < server->count)
        release(&server->documents[place]);
    else
        server->count++;
    server->documents[place] = *document;
    pthread_mutex_unlock(&server->lock);
}

status server_publish(struct server *server, const char *path, const char *text, size_t length, char *tag) {
    struct document document;
    if (!make_document(server, path, text, length, &document))
        return fail("there is no memory for the page");
    put(server, &document);
    if (tag)
        snprintf(tag, SERVER_TAG_BYTES, "%.*s", (int)strlen(document.tag) - 2, document.tag + 1);
    return STATUS_OK;
}
