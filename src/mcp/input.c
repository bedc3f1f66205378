#include "mcp/input.h"

#include "json/read.h"
#include "json/write.h"

static bool is_input(souk_slice key)
{
    return souk_slice_is(key, "inputResponses") || souk_slice_is(key, "requestState");
}

int souk_mcp_write_input_params(souk_buf *out, souk_slice params, souk_slice input, souk_err *err)
{
    const souk_json_limits limits = {.depth = SOUK_JSON_MAX_DEPTH, .text = params.len};
    souk_json_doc doc;
    souk_json_doc_init(&doc, out->alloc);
    int failed = params.len == 0 ? SOUK_OK : souk_json_read(&doc, params, &limits, err);
    if (failed == SOUK_OK && doc.root != NULL && doc.root->type != SOUK_JSON_OBJECT) {
        failed = souk_fail(err, SOUK_E_SCHEMA, "no JSON object");
    }
    if (failed == SOUK_E_PROTOCOL) { /* they are the caller's */
        failed = SOUK_E_SCHEMA;
        if (err != NULL) {
            err->kind = failed;
        }
    }
    if (failed == SOUK_OK) {
        souk_jw w;
        souk_jw_init(&w, out);
        souk_jw_object(&w);
        souk_json_members it = souk_json_each_member(doc.root);
        while (souk_json_next_member(&it)) {
            if (!is_input(it.key)) {
                souk_jw_key(&w, it.key);
                souk_jw_raw(&w, souk_json_raw(&doc, it.value));
            }
        }
        if (input.len > 0) {
            if (w.comma) {
                souk_buf_add_byte(out, ',');
            }
            souk_buf_add(out, input);
        }
        souk_jw_end_object(&w);
        failed = souk_jw_check(&w, err);
    }
    if (failed != SOUK_OK) {
        souk_err_prefix(err, "params");
    }
    souk_json_doc_free(&doc);
    return failed;
}
