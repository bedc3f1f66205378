/*
 * The registry: manifests by id, in the order in which they were first registered.
 */
#ifndef SOUK_REGISTRY_H
#define SOUK_REGISTRY_H

#include "cap/manifest.h"

typedef struct souk_registry souk_registry;

/* seed: as for souk_map_init. max: manifests it may hold. NULL when out of memory. */
souk_registry *souk_registry_new(const souk_alloc *alloc, uint64_t seed, size_t max);

/* Gives up all manifests. NULL is allowed. */
void souk_registry_free(souk_registry *registry);

/*
 * Adds a manifest (takes one hold of its own), or replaces the one of the same id, which keeps its
 * place in the order. *replaced (may be NULL) says which it was. SOUK_E_LIMIT: full, or out of
 * memory; nothing has changed then.
 */
int souk_registry_add(souk_registry *registry, souk_manifest *manifest, bool *replaced,
                      souk_err *err);

/* The manifest, or NULL. Borrowed: valid until it is removed or replaced; souk_manifest_ref keeps
 * it. */
souk_manifest *souk_registry_get(const souk_registry *registry, souk_slice id);

/* False when it was not there. */
bool souk_registry_remove(souk_registry *registry, souk_slice id);

/* Removes all that were found on this server; returns how many. */
size_t souk_registry_remove_server(souk_registry *registry, souk_slice server);

size_t souk_registry_count(const souk_registry *registry);

/* Walks in order: start with *cursor = 0; NULL at the end. Removing what was just returned is
 * allowed. */
souk_manifest *souk_registry_next(const souk_registry *registry, size_t *cursor);

#endif
