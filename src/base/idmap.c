#include "base/idmap.h"

#include <string.h>

enum { FIRST_SIZE = 16 };

void souk_idmap_init(souk_idmap *map, const souk_alloc *alloc)
{
    memset(map, 0, sizeof *map);
    map->alloc = alloc;
}

void souk_idmap_free(souk_idmap *map)
{
    if (map->alloc != NULL) {
        souk_free(map->alloc, map->slots);
        souk_idmap_init(map, map->alloc);
    }
}

/* Ids are counters: multiplying by a large odd number and taking the high bits spreads them. */
static size_t home(const souk_idmap *map, uint64_t id)
{
    return (size_t)(id * 0x9E3779B97F4A7C15U >> 32) & (map->size - 1);
}

static size_t find(const souk_idmap *map, uint64_t id)
{
    size_t at = home(map, id);
    while (map->slots[at].id != 0 && map->slots[at].id != id) {
        at = (at + 1) & (map->size - 1);
    }
    return at;
}

void *souk_idmap_get(const souk_idmap *map, uint64_t id)
{
    if (map->count == 0 || id == 0) {
        return NULL;
    }
    return map->slots[find(map, id)].value;
}

static bool grow(souk_idmap *map)
{
    souk_idmap bigger = *map;
    bigger.size = map->size == 0 ? FIRST_SIZE : map->size * 2;
    bigger.slots = souk_new_array(map->alloc, bigger.size, sizeof *bigger.slots);
    if (bigger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < map->size; i++) {
        if (map->slots[i].id != 0) {
            bigger.slots[find(&bigger, map->slots[i].id)] = map->slots[i];
        }
    }
    souk_free(map->alloc, map->slots);
    *map = bigger;
    return true;
}

bool souk_idmap_add(souk_idmap *map, uint64_t id, void *value)
{
    if ((map->count + 1) * 2 > map->size && !grow(map)) {
        return false;
    }
    souk_idmap_slot *slot = &map->slots[find(map, id)];
    slot->id = id;
    slot->value = value;
    map->count++;
    return true;
}

void *souk_idmap_remove(souk_idmap *map, uint64_t id)
{
    if (map->count == 0 || id == 0) {
        return NULL;
    }
    size_t hole = find(map, id);
    void *value = map->slots[hole].value;
    if (map->slots[hole].id == 0) {
        return NULL;
    }
    /* Close the hole: move back every later entry of the run that may live there. */
    size_t at = hole;
    for (;;) {
        at = (at + 1) & (map->size - 1);
        if (map->slots[at].id == 0) {
            break;
        }
        size_t wanted = home(map, map->slots[at].id);
        bool stays = hole <= at ? hole < wanted && wanted <= at : hole < wanted || wanted <= at;
        if (!stays) {
            map->slots[hole] = map->slots[at];
            hole = at;
        }
    }
    map->slots[hole].id = 0;
    map->slots[hole].value = NULL;
    map->count--;
    return value;
}
