/*
 * Clients of `starcl watch`, as many open pages would be, for bench/watch.sh: each keeps a connection open, asks what
 * the runs do once a second with the tag of what it has, and for the page where that tells of a new one.
 *
 *     test_watch_clients PORT CLIENTS SECONDS    until then, or SIGTERM
 *
 * Prints how many answers were whole, how many were 304, the bytes of all, and the longest wait in milliseconds; fails
 * where one had no answer.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CLIENTS = 200, TAG_BYTES = 64, HEADER_BYTES = 8192 };

struct client {
    pthread_t thread;
    int port, number, clients;
    double until;
    char now_tag[TAG_BYTES], page_tag[TAG_BYTES]; /* of what it has */
    char page_named[TAG_BYTES];                   /* that `now` told of last */
    long whole, unchanged, bytes;
    double longest;
    bool failed;
};

static volatile sig_atomic_t ended;

static void on_signal(int number) {
    (void)number;
    ended = 1;
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void rest(double time) {
    struct timespec pause = {.tv_sec = (time_t)time, .tv_nsec = (long)(1e9 * (time - (double)(time_t)time))};
    nanosleep(&pause, NULL);
}

/* What stands behind `name` up to `end`, into text; as it was where there is none. */
static void take(const char *from, const char *name, char end, char text[TAG_BYTES]) {
    const char *found = strcasestr(from, name);
    if (!found)
        return;
    found += strlen(name);
    size_t length = strcspn(found, (char[]){end, '\0'});
    snprintf(text, TAG_BYTES, "%.*s", (int)length, found);
}

/* Reads an answer and passes over its text, of which the beginning is looked at. */
static bool read_answer(struct client *client, int connection, char tag[TAG_BYTES]) {
    char text[HEADER_BYTES + 1], length_text[TAG_BYTES] = "0";
    size_t used = 0;
    char *end = NULL;
    while (!end && used < HEADER_BYTES) {
        ssize_t got = recv(connection, text + used, HEADER_BYTES - used, 0);
        if (got <= 0)
            return false;
        used += (size_t)got;
        text[used] = '\0';
        end = strstr(text, "\r\n\r\n");
    }
    if (!end)
        return false;
    bool unchanged = strncmp(text, "HTTP/1.1 304", 12) == 0;
    take(text, "\r\nETag: ", '\r', tag);
    if (!unchanged)
        take(text, "\r\nContent-Length: ", '\r', length_text);
    long left = atol(length_text) - (long)(used - (size_t)(end + 4 - text));
    client->bytes += (long)used + left;
    client->whole += !unchanged;
    client->unchanged += unchanged;
    /* The rest, of which the end tells of the page. */
    char rest_of_it[65536], *all = malloc((size_t)(left > 0 ? left : 0) + 1);
    size_t kept = 0;
    while (left > 0) {
        ssize_t got =
            recv(connection, rest_of_it, left < (long)sizeof rest_of_it ? (size_t)left : sizeof rest_of_it, 0);
        if (got <= 0) {
            free(all);
            return false;
        }
        memcpy(all + kept, rest_of_it, (size_t)got);
        kept += (size_t)got;
        left -= got;
    }
    all[kept] = '\0';
    take(all, "data-page=\"", '"', client->page_named);
    free(all);
    return true;
}

static bool ask(struct client *client, int connection, const char *path, char tag[TAG_BYTES]) {
    char request[256];
    double begun = seconds();
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nIf-None-Match: %s\r\n\r\n",
                          path, *tag ? tag : "\"\"");
    bool answered =
        send(connection, request, (size_t)length, MSG_NOSIGNAL) == length && read_answer(client, connection, tag);
    double took = seconds() - begun;
    client->longest = took > client->longest ? took : client->longest;
    return answered;
}

static bool poll_once(struct client *client, int connection) {
    char before[TAG_BYTES];
    memcpy(before, client->page_named, sizeof before);
    return ask(client, connection, "/now", client->now_tag) &&
           (strcmp(before, client->page_named) == 0 || ask(client, connection, "/", client->page_tag));
}

static void *poll_on(void *context) {
    struct client *client = context;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((unsigned short)client->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    rest((double)client->number / client->clients); /* they do not all ask at once */
    client->failed = connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof address) != 0;
    while (!client->failed && !ended && seconds() < client->until) {
        client->failed = !poll_once(client, connection);
        rest(1);
    }
    close(connection);
    return NULL;
}

int main(int count, char **words) {
    static struct client clients[MOST_CLIENTS];
    int clients_count = count == 4 ? atoi(words[2]) : 0;
    if (clients_count < 1 || clients_count > MOST_CLIENTS) {
        fprintf(stderr, "the call is: test_watch_clients PORT CLIENTS SECONDS, at most %d clients\n", MOST_CLIENTS);
        return 2;
    }
    struct client all = {.failed = false};
    signal(SIGTERM, on_signal);
    for (int i = 0; i < clients_count; i++) {
        clients[i] = (struct client){
            .port = atoi(words[1]), .number = i, .clients = clients_count, .until = seconds() + atof(words[3])};
        if (pthread_create(&clients[i].thread, NULL, poll_on, &clients[i]) != 0)
            return 1;
    }
    int failed = 0;
    for (int i = 0; i < clients_count; i++) {
        pthread_join(clients[i].thread, NULL);
        all.whole += clients[i].whole;
        all.unchanged += clients[i].unchanged;
        all.bytes += clients[i].bytes;
        all.longest = clients[i].longest > all.longest ? clients[i].longest : all.longest;
        failed += clients[i].failed;
    }
    printf("%ld %ld %ld %.1f\n", all.whole, all.unchanged, all.bytes, 1000 * all.longest);
    if (failed > 0)
        fprintf(stderr, "%d of %d clients were not answered\n", failed, clients_count);
    return failed > 0;
}
