/* What servers say about themselves, and what of it decides whether to listen to them. */
#include "runtime/internal.h"
#include "json/read.h"

souk_slice souk_runtime_about(souk_runtime *rt, souk_slice server, souk_slice identity)
{
    souk_target target;
    souk_server *found = souk_rt_server(rt, server);
    if (found == NULL) {
        return souk_slice_make(NULL, 0);
    }
    souk_rt_server_target(found, identity, &target);
    return souk_pool_about(rt->pool, &target, souk_runtime_now(rt));
}

unsigned souk_rt_tells(const souk_jval *capabilities, bool *declared)
{
    static const struct {
        const char *list;
        const char *flag;
        souk_tells tells;
    } rows[] = {{"tools", "listChanged", SOUK_TELLS_TOOLS},
                {"prompts", "listChanged", SOUK_TELLS_PROMPTS},
                {"resources", "listChanged", SOUK_TELLS_RESOURCES},
                {"resources", "subscribe", SOUK_TELLS_UPDATES}};
    unsigned tells = 0;
    *declared = souk_json_type_of(capabilities) == SOUK_JSON_OBJECT;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const souk_jval *list = souk_json_get(capabilities, rows[i].list);
        if (souk_json_is_true(souk_json_get(list, rows[i].flag))) {
            tells |= (unsigned)rows[i].tells;
        }
    }
    return tells;
}

void souk_rt_read_about(souk_runtime *rt, souk_server *server, souk_about *about)
{
    souk_json_doc doc;
    souk_slice text = souk_runtime_about(rt, server->name, souk_slice_make(NULL, 0));
    about->known = about->modern = about->stdio = about->declared = false;
    about->tells = 0;
    souk_json_doc_init(&doc, rt->alloc);
    if (text.len > 0 && souk_json_read(&doc, text, NULL, NULL) == SOUK_OK) {
        about->known = true;
        about->modern = souk_json_is_string(souk_json_get(doc.root, "era"), "modern");
        about->stdio = souk_json_is_string(souk_json_get(doc.root, "transport"), "stdio");
        about->tells = souk_rt_tells(souk_json_get(doc.root, "capabilities"), &about->declared);
    }
    souk_json_doc_free(&doc);
}
