/* Texts for people: bounded, without control characters, with places written as JSON pointers. */
#ifndef SOUK_SCHEMA_MESSAGE_H
#define SOUK_SCHEMA_MESSAGE_H

#include "json/doc.h"

/* Room for more than souk_err can hold, so that souk_fail does the last cut, between characters. */
typedef struct souk_message {
    size_t len;
    char text[2 * SOUK_MESSAGE_MAX];
} souk_message;

void souk_message_init(souk_message *message);

void souk_message_add(souk_message *message, const char *text);
void souk_message_add_count(souk_message *message, uint64_t count);

/* At most about `most` bytes of `bytes`, "..." for the rest; control characters as \u00XX. */
void souk_message_add_bytes(souk_message *message, souk_slice bytes, size_t most);

/*
 * The JSON pointer (RFC 6901) of `place`, which lies below `root`; nothing for the root itself.
 * Where `place` is the key of a member, the pointer of the object. Long names and long pointers are
 * cut.
 */
void souk_message_add_pointer(souk_message *message, const souk_jval *root, const souk_jval *place);

/* True when `place` is not a value but the key of a member of an object below `root`. */
bool souk_message_is_key(const souk_jval *root, const souk_jval *place);

/* Fills *err, and returns `kind`. */
int souk_message_fail(const souk_message *message, int kind, souk_err *err);

#endif
