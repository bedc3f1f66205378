#include "base/map.h"

#include <string.h>

enum { FIRST_INDEX = 16 };

void souk_map_init(souk_map *map, const souk_alloc *alloc, uint64_t seed)
{
    memset(map, 0, sizeof *map);
    map->alloc = alloc;
    map->seed = seed;
}

static void free_key(souk_map *map, souk_map_entry *entry)
{
    union {
        const char *borrowed;
        char *owned;
    } key = {entry->key.ptr};
    souk_free(map->alloc, key.owned);
    entry->key = souk_slice_make(NULL, 0);
    entry->value = NULL;
}

void souk_map_free(souk_map *map)
{
    if (map->alloc == NULL) {
        return;
    }
    for (size_t i = 0; i < map->entry_count; i++) {
        free_key(map, &map->entries[i]);
    }
    souk_free(map->alloc, map->entries);
    souk_free(map->alloc, map->index);
    souk_map_init(map, map->alloc, map->seed);
}

static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= 0xD6E8FEB86659FD93U;
    h ^= h >> 32;
    h *= 0xD6E8FEB86659FD93U;
    return h ^ h >> 32;
}

uint64_t souk_hash(souk_slice bytes, uint64_t seed)
{
    uint64_t h = mix(seed ^ 0x9E3779B97F4A7C15U) ^ bytes.len;
    size_t at = 0;
    while (at + 8 <= bytes.len) {
        uint64_t word;
        memcpy(&word, bytes.ptr + at, 8);
        h = mix(h ^ word);
        at += 8;
    }
    uint64_t tail = 0;
    if (at < bytes.len) {
        memcpy(&tail, bytes.ptr + at, bytes.len - at);
    }
    return mix(h ^ tail ^ seed);
}

/* The index slot that holds the key, or the free slot where it would go. */
static size_t find_slot(const souk_map *map, souk_slice key, uint64_t hash)
{
    size_t mask = map->index_size - 1;
    size_t slot = (size_t)hash & mask;
    while (map->index[slot] != 0) {
        const souk_map_entry *entry = &map->entries[map->index[slot] - 1];
        if (entry->key.ptr != NULL && entry->hash == hash && souk_slice_eq(entry->key, key)) {
            return slot;
        }
        slot = (slot + 1) & mask;
    }
    return slot;
}

/*
 * Makes a new index (and closes the holes) with room for one entry more, and for a quarter more
 * than there are: keys that come and go must not make each change cost as much as all entries.
 */
static bool rebuild(souk_map *map)
{
    size_t size = FIRST_INDEX;
    while (size < (map->live + map->live / 4 + 1) * 2) {
        size *= 2;
    }
    size_t cap = size / 2;
    if (cap >= UINT32_MAX) {
        return false;
    }
    uint32_t *index = souk_new_array(map->alloc, size, sizeof *index);
    souk_map_entry *entries = souk_new_array(map->alloc, cap, sizeof *entries);
    if (index == NULL || entries == NULL) {
        souk_free(map->alloc, index);
        souk_free(map->alloc, entries);
        return false;
    }
    size_t count = 0;
    for (size_t i = 0; i < map->entry_count; i++) {
        if (map->entries[i].key.ptr == NULL) {
            continue;
        }
        entries[count] = map->entries[i];
        size_t slot = (size_t)entries[count].hash & (size - 1);
        while (index[slot] != 0) {
            slot = (slot + 1) & (size - 1);
        }
        count++;
        index[slot] = (uint32_t)count;
    }
    souk_free(map->alloc, map->index);
    souk_free(map->alloc, map->entries);
    map->index = index;
    map->index_size = size;
    map->entries = entries;
    map->entry_cap = cap;
    map->entry_count = count;
    return true;
}

static souk_map_entry *find(const souk_map *map, souk_slice key)
{
    if (map->live == 0) {
        return NULL;
    }
    size_t slot = find_slot(map, key, souk_hash(key, map->seed));
    return map->index[slot] == 0 ? NULL : &map->entries[map->index[slot] - 1];
}

void *souk_map_get(const souk_map *map, souk_slice key)
{
    const souk_map_entry *entry = find(map, key);
    return entry == NULL ? NULL : entry->value;
}

souk_slice souk_map_key(const souk_map *map, souk_slice key)
{
    const souk_map_entry *entry = find(map, key);
    return entry == NULL ? souk_slice_make(NULL, 0) : entry->key;
}

bool souk_map_set(souk_map *map, souk_slice key, void *value, void **old)
{
    uint64_t hash = souk_hash(key, map->seed);
    if (old != NULL) {
        *old = NULL;
    }
    if (map->index_size > 0) {
        size_t slot = find_slot(map, key, hash);
        if (map->index[slot] != 0) {
            souk_map_entry *entry = &map->entries[map->index[slot] - 1];
            if (old != NULL) {
                *old = entry->value;
            }
            entry->value = value;
            return true;
        }
    }
    if (map->entry_count == map->entry_cap && !rebuild(map)) {
        return false;
    }
    char *copy = souk_dup(map->alloc, key);
    if (copy == NULL) {
        return false;
    }
    souk_map_entry *entry = &map->entries[map->entry_count++];
    entry->key = souk_slice_make(copy, key.len);
    entry->value = value;
    entry->hash = hash;
    map->live++;
    map->index[find_slot(map, key, hash)] = (uint32_t)map->entry_count;
    return true;
}

void *souk_map_remove(souk_map *map, souk_slice key)
{
    souk_map_entry *entry = find(map, key);
    if (entry == NULL) {
        return NULL;
    }
    /* The index slot stays taken (a hole in the chain would hide later keys) until the next
     * rebuild. */
    void *value = entry->value;
    free_key(map, entry);
    map->live--;
    return value;
}

size_t souk_map_count(const souk_map *map)
{
    return map->live;
}

const souk_map_entry *souk_map_next(const souk_map *map, size_t *cursor)
{
    while (*cursor < map->entry_count) {
        const souk_map_entry *entry = &map->entries[(*cursor)++];
        if (entry->key.ptr != NULL) {
            return entry;
        }
    }
    return NULL;
}
