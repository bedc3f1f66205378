#include "market/query.h"
#include "base/glob.h"

#include "json/read.h"

static souk_slice without_colon(souk_slice text)
{
    return souk_slice_starts(text, SOUK_LIT(":")) ? souk_slice_from(text, 1) : text;
}

/* Whether a list of a manifest (a JSON array's text) holds the wanted string; true when nothing is
 * wanted. */
static bool list_has(const souk_manifest *manifest, souk_slice list, souk_slice wanted)
{
    if (wanted.len == 0) {
        return true;
    }
    souk_json_doc doc;
    bool found = false;
    souk_json_doc_init(&doc, manifest->alloc);
    if (souk_json_read(&doc, list, NULL, NULL) == SOUK_OK) {
        souk_json_elements it = souk_json_each_element(doc.root);
        while (!found && souk_json_next_element(&it)) {
            found = souk_slice_eq(without_colon(souk_json_string(it.value)), without_colon(wanted));
        }
    }
    souk_json_doc_free(&doc);
    return found;
}

bool souk_query_matches(const souk_query *query, const souk_manifest *manifest)
{
    return (query->match.len == 0 || souk_glob(query->match, manifest->id)) &&
           (query->provider.len == 0 ||
            souk_slice_eq_nocase(query->provider, manifest->provider_kind)) &&
           (query->server.len == 0 || souk_slice_eq(query->server, manifest->server)) &&
           list_has(manifest, manifest->permissions, query->permission) &&
           list_has(manifest, manifest->effects, query->effect) &&
           list_has(manifest, manifest->domains, query->domain) &&
           list_has(manifest, manifest->categories, query->category);
}

souk_manifest *souk_query_next(const souk_query *query, const souk_registry *registry,
                               size_t *cursor)
{
    souk_manifest *manifest;
    while ((manifest = souk_registry_next(registry, cursor)) != NULL) {
        if (souk_query_matches(query, manifest)) {
            return manifest;
        }
    }
    return NULL;
}
