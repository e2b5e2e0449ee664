/*
 * SHA-256 (FIPS 180-4), for saying which text is meant: what a browser may run, what a client has already. Nothing
 * secret is kept with it.
 */
#ifndef STARCL_BASE_SHA256_H
#define STARCL_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32, SHA256_TEXT_BYTES = 45 };

void sha256(const void *bytes, size_t length, uint8_t digest[SHA256_BYTES]);

/* In base64, as browsers and HTTP write it, with padding; writes to text (SHA256_TEXT_BYTES) and returns it. */
const char *sha256_text(const void *bytes, size_t length, char *text);

#endif
