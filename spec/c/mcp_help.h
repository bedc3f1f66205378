/*
 * For tests of the protocol: documents and messages from literal texts. `'` stands for `"` in them,
 * so that tables stay readable.
 */
#ifndef SOUK_MCP_HELP_H
#define SOUK_MCP_HELP_H

#include <stdlib.h>
#include <string.h>

#include "mcp/rpc.h"
#include "tap.h"
#include "json/read.h"

enum { MCP_HELP_TEXT = 4096 };

typedef struct mcp_doc {
    char text[MCP_HELP_TEXT];
    souk_json_doc json;
    const souk_jval *root;    /* NULL when the text is empty */
    souk_rpc_message message; /* after mcp_read_message */
} mcp_doc;

static inline void mcp_read(mcp_doc *doc, const char *text)
{
    souk_err err;
    size_t len = strlen(text);
    memset(doc, 0, sizeof *doc);
    souk_json_doc_init(&doc->json, souk_alloc_libc());
    if (len == 0) {
        return;
    }
    if (len >= sizeof doc->text) {
        tap_fail(__FILE__, __LINE__, "the text is too long for mcp_doc");
        return;
    }
    for (size_t i = 0; i < len; i++) {
        doc->text[i] = text[i] == '\'' ? '"' : text[i];
    }
    if (souk_json_read(&doc->json, souk_slice_make(doc->text, len), NULL, &err) != SOUK_OK) {
        tap_fail(__FILE__, __LINE__, err.message);
        printf("#   in: %s\n", text);
        return;
    }
    doc->root = doc->json.root;
}

static inline void mcp_free(mcp_doc *doc)
{
    souk_json_doc_free(&doc->json);
}

/* The message in the text, or NULL when the text is empty. */
static inline const souk_rpc_message *mcp_read_message(mcp_doc *doc, const char *text)
{
    souk_err err;
    mcp_read(doc, text);
    if (doc->root == NULL) {
        return NULL;
    }
    if (souk_rpc_read(doc->root, &doc->message, &err) != SOUK_OK) {
        tap_fail(__FILE__, __LINE__, err.message);
        printf("#   in: %s\n", text);
    }
    return &doc->message;
}

#endif
