/*
 * What the loops know about each descriptor: a table indexed by its number, since the system keeps
 * those small.
 */
#ifndef SOUK_LOOP_TABLE_H
#define SOUK_LOOP_TABLE_H

#include "io/loop.h"

typedef struct souk_loop_entry {
    souk_loop_ready *ready;
    void *owner;
    unsigned char wanted;     /* SOUK_LOOP_READ, SOUK_LOOP_WRITE */
    unsigned char registered; /* what the system was told to watch */
    bool adopted;
    bool known; /* watched or adopted */
} souk_loop_entry;

typedef struct souk_loop_table {
    const souk_alloc *alloc;
    souk_loop_entry *entries;
    size_t size;
} souk_loop_table;

void souk_loop_table_init(souk_loop_table *table, const souk_alloc *alloc);
void souk_loop_table_free(souk_loop_table *table);

/*
 * The entry of fd, made when there is none; NULL when out of memory. Valid until the next call of
 * this function.
 */
souk_loop_entry *souk_loop_table_make(souk_loop_table *table, int fd);

/* The entry of a known fd, or NULL. */
souk_loop_entry *souk_loop_table_find(const souk_loop_table *table, int fd);

/* souk_loop_is_at_rest */
bool souk_loop_table_is_at_rest(const souk_loop_table *table, int fd);

/* Closes all known descriptors and forgets them. */
void souk_loop_table_close(souk_loop_table *table);

#endif
