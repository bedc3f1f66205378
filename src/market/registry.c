#include "market/registry.h"

#include <string.h>

#include "base/map.h"

struct souk_registry {
    const souk_alloc *alloc;
    souk_map by_id; /* id -> souk_manifest, in order of registration */
    size_t max;
};

souk_registry *souk_registry_new(const souk_alloc *alloc, uint64_t seed, size_t max)
{
    souk_registry *registry = souk_new(alloc, sizeof *registry);
    if (registry != NULL) {
        registry->alloc = alloc;
        registry->max = max;
        souk_map_init(&registry->by_id, alloc, seed);
    }
    return registry;
}

void souk_registry_free(souk_registry *registry)
{
    if (registry == NULL) {
        return;
    }
    size_t cursor = 0;
    souk_manifest *manifest;
    while ((manifest = souk_registry_next(registry, &cursor)) != NULL) {
        souk_manifest_unref(manifest);
    }
    souk_map_free(&registry->by_id);
    souk_free(registry->alloc, registry);
}

int souk_registry_add(souk_registry *registry, souk_manifest *manifest, bool *replaced,
                      souk_err *err)
{
    void *old = souk_map_get(&registry->by_id, manifest->id);
    if (old == NULL && souk_map_count(&registry->by_id) >= registry->max) {
        return souk_fail(err, SOUK_E_LIMIT,
                         "the marketplace holds %zu capabilities (option max_capabilities)",
                         registry->max);
    }
    if (!souk_map_set(&registry->by_id, manifest->id, manifest, NULL)) {
        return souk_fail_memory(err);
    }
    souk_manifest_ref(manifest); /* before the other is given up: they may be the same */
    souk_manifest_unref(old);
    if (replaced != NULL) {
        *replaced = old != NULL;
    }
    return SOUK_OK;
}

souk_manifest *souk_registry_get(const souk_registry *registry, souk_slice id)
{
    return souk_map_get(&registry->by_id, id);
}

bool souk_registry_remove(souk_registry *registry, souk_slice id)
{
    souk_manifest *manifest = souk_map_remove(&registry->by_id, id);
    souk_manifest_unref(manifest);
    return manifest != NULL;
}

size_t souk_registry_remove_server(souk_registry *registry, souk_slice server)
{
    size_t cursor = 0;
    size_t removed = 0;
    souk_manifest *manifest;
    while ((manifest = souk_registry_next(registry, &cursor)) != NULL) {
        if (manifest->server.len > 0 && souk_slice_eq(manifest->server, server)) {
            souk_map_remove(&registry->by_id, manifest->id);
            souk_manifest_unref(manifest);
            removed++;
        }
    }
    return removed;
}

size_t souk_registry_count(const souk_registry *registry)
{
    return souk_map_count(&registry->by_id);
}

souk_manifest *souk_registry_next(const souk_registry *registry, size_t *cursor)
{
    const souk_map_entry *entry = souk_map_next(&registry->by_id, cursor);
    return entry == NULL ? NULL : entry->value;
}
