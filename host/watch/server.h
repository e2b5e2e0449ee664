/*
 * A web server for one person on this machine: some documents, which are published again and again and only read.
 *
 *     who asks            loopback alone (127.0.0.1), and only what was sent to "localhost" or "127.0.0.1": a page of
 *                         somebody else that has a name of its own point here (DNS rebinding) is refused, 403
 *     what may be asked   GET and HEAD, 405 for the rest; the paths that were published, 404 for the rest
 *     what is answered    the text, or 304 where the client has that one already (ETag, the SHA-256 of the text)
 *     how many            SERVER_CONNECTIONS at a time, who is silent for SERVER_SILENCE_SECONDS is cut off
 *
 * Nothing is made for a client: an answer is a text that lies there, whoever asks and however often.
 */
#ifndef STARCL_WATCH_SERVER_H
#define STARCL_WATCH_SERVER_H

#include "base/status.h"

#include <stddef.h>

enum { SERVER_CONNECTIONS = 256, SERVER_SILENCE_SECONDS = 20, SERVER_DOCUMENTS = 2, SERVER_TAG_BYTES = 17 };

struct server;

/*
 * Listens at a port, or with 0 at one that is free, and answers on a thread of its own from now on. `policy` is the
 * Content-Security-Policy of all documents. STATUS_USAGE where the port is taken or not allowed.
 */
status server_open(int port, const char *policy, struct server **server) MUST_CHECK;
/* Stops answering. NULL is allowed. */
void server_close(struct server *server);
int server_port(const struct server *server);

/*
 * What a path ("/") has from now on: a text in HTML, which is copied. `path` must stay, and there are SERVER_DOCUMENTS
 * at most. Writes its ETag to tag (SERVER_TAG_BYTES), without the quotes, where that is not NULL.
 */
status server_publish(struct server *server, const char *path, const char *text, size_t length, char *tag) MUST_CHECK;

#endif
