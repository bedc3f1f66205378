/* Memory and tables: allocator, arena, maps, deadlines, pairs. */
#include <stdalign.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/budget.h"
#include "base/deadline.h"
#include "base/idmap.h"
#include "base/map.h"
#include "base/pairs.h"
#include "failing_alloc.h"
#include "json_help.h"
#include "tap.h"

static void sizes_that_do_not_fit_are_seen(void)
{
    size_t out;
    CHECK(souk_size_add(1, 2, &out) && out == 3);
    CHECK(!souk_size_add(SIZE_MAX, 1, &out));
    CHECK(souk_size_mul(SIZE_MAX, 1, &out) && out == SIZE_MAX);
    CHECK(souk_size_mul(SIZE_MAX, 0, &out) && out == 0);
    CHECK(!souk_size_mul(SIZE_MAX / 2, 3, &out));
    CHECK(souk_new_array(souk_alloc_libc(), SIZE_MAX / 2, 3) == NULL);
    CHECK(souk_resize_array(souk_alloc_libc(), NULL, SIZE_MAX / 2, 3) == NULL);
}

static void new_memory_is_zeroed_and_copies_end_with_a_nul(void)
{
    unsigned char *bytes = souk_new_array(souk_alloc_libc(), 10, 10);
    unsigned sum = 0;
    for (size_t i = 0; i < 100; i++) {
        sum += bytes[i];
    }
    CHECK_INT(sum, 0);
    souk_free(souk_alloc_libc(), bytes);
    souk_free(souk_alloc_libc(), NULL);
    char *copy = souk_dup(souk_alloc_libc(), souk_slice_make("abcd", 3));
    CHECK_TEXT(copy, "abc");
    souk_free(souk_alloc_libc(), copy);
    copy = souk_dup(souk_alloc_libc(), souk_slice_make(NULL, 0));
    CHECK_TEXT(copy, "");
    souk_free(souk_alloc_libc(), copy);
}

static void pieces_of_an_arena_are_aligned_and_their_own(void)
{
    failing_alloc f;
    souk_arena arena;
    unsigned char *pieces[300];
    failing_alloc_init(&f, 0);
    souk_arena_init(&arena, &f.alloc);
    for (size_t i = 0; i < 300; i++) {
        pieces[i] = souk_arena_new(&arena, i * 7);
        CHECK(pieces[i] != NULL && (uintptr_t)pieces[i] % alignof(max_align_t) == 0);
        memset(pieces[i], (int)(i & 0xFF), i * 7);
    }
    unsigned wrong = 0;
    for (size_t i = 0; i < 300; i++) {
        for (size_t k = 0; k < i * 7; k++) {
            wrong += pieces[i][k] != (i & 0xFF);
        }
    }
    CHECK_INT(wrong, 0);
    CHECK(souk_arena_new(&arena, SIZE_MAX) == NULL);
    CHECK(souk_arena_array(&arena, SIZE_MAX / 2, 3) == NULL);
    CHECK(souk_arena_new(&arena, 5 * 1024 * 1024) != NULL);
    souk_arena_free(&arena);
    CHECK_INT(f.live, 0);
    CHECK(souk_arena_array(&arena, 3, 3) != NULL);
    souk_arena_free(&arena);
    CHECK_INT(f.live, 0);
}

static void an_arena_moves_with_everything_in_it(void)
{
    souk_arena from;
    souk_arena to;
    souk_slice copy;
    souk_slice old;
    souk_arena_init(&from, souk_alloc_libc());
    souk_arena_init(&to, souk_alloc_libc());
    CHECK(souk_arena_copy(&from, SOUK_LIT("text"), &copy));
    CHECK(souk_arena_copy(&to, SOUK_LIT("old"), &old));
    souk_arena_move(&to, &from);
    CHECK_SLICE(copy, "text");
    CHECK(copy.ptr[copy.len] == '\0');
    CHECK(souk_arena_copy(&from, SOUK_LIT("more"), &copy));
    souk_arena_free(&from);
    souk_arena_free(&to);
    souk_arena zeroed;
    memset(&zeroed, 0, sizeof zeroed);
    souk_arena_free(&zeroed);
}

enum { NUMBERS = 2000 };

static souk_slice name_of(char *space, int number)
{
    snprintf(space, 32, "key %d", number);
    return souk_slice_of(space);
}

static void a_map_finds_what_was_set_and_nothing_else(void)
{
    souk_map map;
    char name[32];
    int values[NUMBERS];
    souk_map_init(&map, souk_alloc_libc(), 42);
    for (int i = 0; i < NUMBERS; i++) {
        CHECK(souk_map_set(&map, name_of(name, i), &values[i], NULL));
    }
    for (int i = 0; i < NUMBERS; i += 2) {
        CHECK(souk_map_remove(&map, name_of(name, i)) == &values[i]);
        CHECK(souk_map_remove(&map, name_of(name, i)) == NULL);
    }
    CHECK_INT(souk_map_count(&map), NUMBERS / 2);
    unsigned wrong = 0;
    for (int i = 0; i < NUMBERS; i++) {
        void *want = i % 2 == 0 ? NULL : &values[i];
        wrong += souk_map_get(&map, name_of(name, i)) != want;
    }
    CHECK_INT(wrong, 0);
    CHECK(souk_map_get(&map, SOUK_LIT("")) == NULL);
    souk_map_free(&map);
    CHECK(souk_map_get(&map, SOUK_LIT("key 1")) == NULL);
    CHECK_INT(souk_map_count(&map), 0);
}

static void a_map_walks_in_the_order_of_insertion(void)
{
    souk_map map;
    char name[32];
    int values[100];
    souk_map_init(&map, souk_alloc_libc(), 7);
    for (int i = 0; i < 100; i++) {
        CHECK(souk_map_set(&map, name_of(name, i), &values[i], NULL));
    }
    size_t cursor = 0;
    int expected = 0;
    for (const souk_map_entry *it; (it = souk_map_next(&map, &cursor)) != NULL; expected++) {
        CHECK(it->value == &values[expected]);
        if (expected % 3 == 0) {
            souk_map_remove(&map, it->key); /* allowed while walking */
        }
    }
    CHECK_INT(expected, 100);
    CHECK_INT(souk_map_count(&map), 66);
    souk_map_free(&map);
}

static void setting_a_key_again_gives_back_the_old_value(void)
{
    souk_map map;
    int a;
    int b;
    void *old = &map;
    souk_map_init(&map, souk_alloc_libc(), 0);
    CHECK(souk_map_set(&map, SOUK_LIT("k"), &a, &old) && old == NULL);
    CHECK(souk_map_set(&map, SOUK_LIT("k"), &b, &old) && old == &a);
    CHECK(souk_map_get(&map, SOUK_LIT("k")) == &b);
    CHECK_INT(souk_map_count(&map), 1);
    CHECK(souk_map_set(&map, SOUK_LIT(""), &a, NULL));
    CHECK(souk_map_get(&map, SOUK_LIT("")) == &a);
    CHECK(souk_map_get(&map, SOUK_LIT("k\0")) == NULL);
    souk_map_free(&map);
}

static void the_key_that_a_map_lends_outlives_its_growth(void)
{
    souk_map map;
    char given[] = "mine";
    char name[32];
    static int values[NUMBERS];
    souk_map_init(&map, souk_alloc_libc(), 3);
    CHECK(souk_map_set(&map, souk_slice_of(given), &values[0], NULL));
    souk_slice lent = souk_map_key(&map, souk_slice_of(given));
    CHECK(lent.ptr != given);
    given[0] = 'x';
    for (int i = 0; i < NUMBERS; i++) {
        CHECK(souk_map_set(&map, name_of(name, i), &values[i], NULL));
    }
    CHECK_SLICE(lent, "mine");
    CHECK(souk_map_remove(&map, lent) == &values[0]);
    CHECK(souk_map_key(&map, SOUK_LIT("mine")).ptr == NULL);
    souk_map_free(&map);
}

static void keys_that_come_and_go_keep_a_map_small(void)
{
    souk_map map;
    char name[32];
    souk_map_init(&map, souk_alloc_libc(), 1);
    for (int i = 0; i < 5000; i++) {
        CHECK(souk_map_set(&map, name_of(name, i), &map, NULL));
        if (i >= 7) {
            CHECK(souk_map_remove(&map, name_of(name, i - 7)) == &map);
        }
    }
    CHECK_INT(souk_map_count(&map), 7);
    CHECK(map.entry_cap <= 64);
    souk_map_free(&map);
}

static void a_map_that_gets_no_memory_stays_as_it_was(void)
{
    for (long n = 1;; n++) {
        failing_alloc f;
        souk_map map;
        char name[32];
        int set = 0;
        failing_alloc_init(&f, n);
        souk_map_init(&map, &f.alloc, 3);
        for (int i = 0; i < 40; i++) {
            set += souk_map_set(&map, name_of(name, i), &map, NULL);
        }
        CHECK_INT(souk_map_count(&map), set);
        int found = 0;
        for (int i = 0; i < 40; i++) {
            found += souk_map_get(&map, name_of(name, i)) != NULL;
        }
        CHECK_INT(found, set);
        CHECK(set >= 39);
        souk_map_free(&map);
        CHECK_INT(f.live, 0);
        if (!f.fired) {
            break;
        }
    }
}

static void hashes_depend_on_seed_length_and_every_byte(void)
{
    char bytes[40];
    memset(bytes, 'x', sizeof bytes);
    for (size_t len = 0; len < sizeof bytes; len++) {
        uint64_t hash = souk_hash(souk_slice_make(bytes, len), 1);
        CHECK(hash != souk_hash(souk_slice_make(bytes, len), 2));
        CHECK(hash != souk_hash(souk_slice_make(bytes, len + 1), 1));
        CHECK(hash == souk_hash(souk_slice_make(bytes, len), 1));
        if (len > 0) {
            bytes[len - 1] = 'y';
            CHECK(hash != souk_hash(souk_slice_make(bytes, len), 1));
            bytes[len - 1] = 'x';
        }
    }
}

/* Ids come and go at random; an array knows what should be there. */
static void an_idmap_agrees_with_an_array_of_flags(void)
{
    enum { IDS = 300 };
    bool there[IDS] = {false};
    souk_idmap map;
    uint64_t random = 88172645463325252U;
    unsigned wrong = 0;
    souk_idmap_init(&map, souk_alloc_libc());
    CHECK(souk_idmap_get(&map, 5) == NULL);
    CHECK(souk_idmap_remove(&map, 5) == NULL);
    size_t count = 0;
    for (int step = 0; step < 50000; step++) {
        size_t i = (size_t)(help_random(&random) % IDS);
        uint64_t id = (uint64_t)i * 0x100000000U + i + 1; /* as ids of the wire look */
        if (there[i]) {
            wrong += souk_idmap_remove(&map, id) != &there[i];
            count--;
        } else {
            wrong += !souk_idmap_add(&map, id, &there[i]);
            count++;
        }
        there[i] = !there[i];
        wrong += map.count != count;
    }
    for (size_t i = 0; i < IDS; i++) {
        uint64_t id = (uint64_t)i * 0x100000000U + i + 1;
        wrong += souk_idmap_get(&map, id) != (there[i] ? &there[i] : NULL);
    }
    CHECK_INT(wrong, 0);
    CHECK(souk_idmap_get(&map, 0) == NULL && souk_idmap_remove(&map, 0) == NULL);
    souk_idmap_free(&map);
}

static void an_idmap_that_gets_no_memory_keeps_what_it_has(void)
{
    failing_alloc f;
    souk_idmap map;
    failing_alloc_init(&f, 2);
    souk_idmap_init(&map, &f.alloc);
    uint64_t id = 1;
    while (souk_idmap_add(&map, id, &map)) {
        id++;
    }
    CHECK(id > 2);
    for (uint64_t i = 1; i < id; i++) {
        CHECK(souk_idmap_get(&map, i) == &map);
    }
    CHECK(souk_idmap_get(&map, id) == NULL);
    souk_idmap_free(&map);
    CHECK_INT(f.live, 0);
}

/* Deadlines are added, moved and removed at random; the earliest must always be right. */
static void the_earliest_deadline_is_always_known(void)
{
    enum { ITEMS = 100 };
    souk_deadlines all;
    souk_deadline items[ITEMS];
    uint64_t random = 1234567;
    unsigned wrong = 0;
    memset(items, 0, sizeof items);
    souk_deadlines_init(&all, souk_alloc_libc());
    CHECK(souk_deadlines_next(&all) == SOUK_NEVER);
    CHECK(souk_deadlines_due(&all, SOUK_NEVER) == NULL);
    for (int step = 0; step < 20000; step++) {
        souk_deadline *item = &items[help_random(&random) % ITEMS];
        souk_ms at = (souk_ms)(help_random(&random) % 1000);
        if (item->place == 0) {
            wrong += !souk_deadline_add(&all, item, at, item);
        } else if (help_random(&random) % 2 == 0) {
            souk_deadline_move(&all, item, at);
        } else {
            souk_deadline_remove(&all, item);
        }
        souk_ms earliest = SOUK_NEVER;
        for (size_t i = 0; i < ITEMS; i++) {
            earliest = souk_ms_min(earliest, items[i].place == 0 ? SOUK_NEVER : items[i].at);
        }
        wrong += souk_deadlines_next(&all) != earliest;
        if (earliest != SOUK_NEVER) {
            const souk_deadline *due = souk_deadlines_due(&all, earliest);
            wrong += due == NULL || due->at != earliest;
            wrong += souk_deadlines_due(&all, earliest - 1) != NULL;
        }
    }
    CHECK_INT(wrong, 0);
    souk_deadlines_free(&all);
}

static void removing_a_deadline_twice_is_a_no_op(void)
{
    souk_deadlines all;
    souk_deadline a = {0, 0, NULL};
    souk_deadline b = {0, 0, NULL};
    souk_deadlines_init(&all, souk_alloc_libc());
    CHECK(souk_deadline_add(&all, &a, 1, &a) && souk_deadline_add(&all, &b, 2, &b));
    souk_deadline_remove(&all, &a);
    souk_deadline_remove(&all, &a);
    CHECK(souk_deadlines_due(&all, 5) == &b);
    souk_deadlines_free(&all);
}

static void time_does_not_overflow(void)
{
    CHECK(souk_ms_after(5, 10) == 15);
    CHECK(souk_ms_after(5, -1) == SOUK_NEVER);
    CHECK(souk_ms_after(5, SOUK_NEVER) == SOUK_NEVER);
    CHECK(souk_ms_after(SOUK_NEVER, 1) == SOUK_NEVER);
    CHECK(souk_ms_after(SOUK_NEVER - 3, 3) == SOUK_NEVER);
    CHECK(souk_ms_min(3, SOUK_NEVER) == 3);
}

static void the_last_pair_of_a_key_counts_and_copies_are_independent(void)
{
    char value[] = "two";
    souk_pair items[] = {{SOUK_LIT_INIT("a"), SOUK_LIT_INIT("one")},
                         {SOUK_LIT_INIT("b"), SOUK_LIT_INIT("")},
                         {SOUK_LIT_INIT("a"), {value, 3}}};
    souk_pairs pairs = {items, 3};
    souk_pairs copy;
    souk_arena arena;
    souk_arena_init(&arena, souk_alloc_libc());
    CHECK_SLICE(souk_pairs_get(pairs, "a"), "two");
    CHECK(souk_pairs_get(pairs, "b").ptr != NULL);
    CHECK(souk_pairs_get(pairs, "c").ptr == NULL);
    CHECK(souk_pairs_copy(&arena, pairs, &copy));
    value[0] = 'X';
    CHECK_SLICE(souk_pairs_get(copy, "a"), "two");
    CHECK_INT(copy.count, 3);
    CHECK(souk_pairs_copy(&arena, (souk_pairs){NULL, 0}, &copy) && copy.count == 0);
    souk_arena_free(&arena);
}

static void a_budget_counts_what_lives_and_refuses_what_is_beyond(void)
{
    failing_alloc under;
    failing_alloc_init(&under, 0);
    souk_budget budget;
    souk_budget_init(&budget, &under.alloc, 1000);
    char *first = souk_new(&budget.alloc, 400);
    CHECK(first != NULL && budget.used > 400 && budget.used < 500);
    CHECK(souk_new(&budget.alloc, 600) == NULL);
    CHECK_INT(budget.refused, 1);
    memset(first, 'x', 400);
    char *grown = souk_resize_array(&budget.alloc, first, 900, 1);
    CHECK(grown != NULL && grown[399] == 'x');
    CHECK(souk_resize_array(&budget.alloc, grown, 1100, 1) == NULL);
    CHECK_INT(grown[0], 'x'); /* it is still there */
    CHECK(souk_resize_array(&budget.alloc, NULL, SIZE_MAX, 1) == NULL);
    grown = souk_resize_array(&budget.alloc, grown, 10, 1); /* smaller is always possible */
    CHECK(grown != NULL && budget.used < 100);
    under.fail_at = under.count + 1;
    CHECK(souk_new(&budget.alloc, 10) == NULL);
    CHECK_INT(budget.refused, 3); /* that was another reason */
    souk_free(&budget.alloc, grown);
    souk_free(&budget.alloc, NULL);
    CHECK_INT(budget.used, 0);
    CHECK_INT(under.live, 0);
}

int main(void)
{
    CASE(a_budget_counts_what_lives_and_refuses_what_is_beyond);
    CASE(sizes_that_do_not_fit_are_seen);
    CASE(new_memory_is_zeroed_and_copies_end_with_a_nul);
    CASE(pieces_of_an_arena_are_aligned_and_their_own);
    CASE(an_arena_moves_with_everything_in_it);
    CASE(a_map_finds_what_was_set_and_nothing_else);
    CASE(a_map_walks_in_the_order_of_insertion);
    CASE(setting_a_key_again_gives_back_the_old_value);
    CASE(the_key_that_a_map_lends_outlives_its_growth);
    CASE(keys_that_come_and_go_keep_a_map_small);
    CASE(a_map_that_gets_no_memory_stays_as_it_was);
    CASE(hashes_depend_on_seed_length_and_every_byte);
    CASE(an_idmap_agrees_with_an_array_of_flags);
    CASE(an_idmap_that_gets_no_memory_keeps_what_it_has);
    CASE(the_earliest_deadline_is_always_known);
    CASE(removing_a_deadline_twice_is_a_no_op);
    CASE(time_does_not_overflow);
    CASE(the_last_pair_of_a_key_counts_and_copies_are_independent);
    return tap_done();
}
