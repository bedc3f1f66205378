#include "io/loop_table.h"

#include <string.h>
#include <unistd.h>

enum { FIRST_SIZE = 32 };

void souk_loop_table_init(souk_loop_table *table, const souk_alloc *alloc)
{
    memset(table, 0, sizeof *table);
    table->alloc = alloc;
}

void souk_loop_table_free(souk_loop_table *table)
{
    souk_free(table->alloc, table->entries);
    souk_loop_table_init(table, table->alloc);
}

souk_loop_entry *souk_loop_table_make(souk_loop_table *table, int fd)
{
    if (fd < 0) {
        return NULL;
    }
    size_t at = (size_t)fd;
    if (at >= table->size) {
        size_t size = table->size == 0 ? FIRST_SIZE : table->size;
        while (size <= at) {
            size *= 2;
        }
        souk_loop_entry *entries =
            souk_resize_array(table->alloc, table->entries, size, sizeof *entries);
        if (entries == NULL) {
            return NULL;
        }
        memset(entries + table->size, 0, (size - table->size) * sizeof *entries);
        table->entries = entries;
        table->size = size;
    }
    table->entries[at].known = true;
    return &table->entries[at];
}

souk_loop_entry *souk_loop_table_find(const souk_loop_table *table, int fd)
{
    bool known = fd >= 0 && (size_t)fd < table->size && table->entries[fd].known;
    return known ? &table->entries[fd] : NULL;
}

bool souk_loop_table_is_at_rest(const souk_loop_table *table, int fd)
{
    const souk_loop_entry *entry = souk_loop_table_find(table, fd);
    return entry != NULL && entry->adopted && entry->wanted == 0;
}

void souk_loop_table_close(souk_loop_table *table)
{
    for (size_t fd = 0; fd < table->size; fd++) {
        if (table->entries[fd].known) {
            (void)close((int)fd);
            memset(&table->entries[fd], 0, sizeof table->entries[fd]);
        }
    }
}
