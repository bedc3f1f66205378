#include "base/deadline.h"

#include <string.h>

void souk_deadlines_init(souk_deadlines *all, const souk_alloc *alloc)
{
    memset(all, 0, sizeof *all);
    all->alloc = alloc;
}

void souk_deadlines_free(souk_deadlines *all)
{
    if (all->alloc != NULL) {
        souk_free(all->alloc, all->heap);
        souk_deadlines_init(all, all->alloc);
    }
}

static void put(souk_deadlines *all, size_t place, souk_deadline *deadline)
{
    all->heap[place - 1] = deadline;
    deadline->place = place;
}

static void sift_up(souk_deadlines *all, souk_deadline *deadline)
{
    size_t place = deadline->place;
    while (place > 1 && all->heap[place / 2 - 1]->at > deadline->at) {
        put(all, place, all->heap[place / 2 - 1]);
        place /= 2;
    }
    put(all, place, deadline);
}

static void sift_down(souk_deadlines *all, souk_deadline *deadline)
{
    size_t place = deadline->place;
    while (place * 2 <= all->count) {
        size_t child = place * 2;
        if (child < all->count && all->heap[child]->at < all->heap[child - 1]->at) {
            child++;
        }
        if (all->heap[child - 1]->at >= deadline->at) {
            break;
        }
        put(all, place, all->heap[child - 1]);
        place = child;
    }
    put(all, place, deadline);
}

bool souk_deadline_add(souk_deadlines *all, souk_deadline *deadline, souk_ms at, void *item)
{
    if (all->count == all->cap) {
        size_t cap = all->cap == 0 ? 16 : all->cap * 2;
        souk_deadline **heap =
            souk_resize_array(all->alloc, all->heap, cap, sizeof(souk_deadline *));
        if (heap == NULL) {
            return false;
        }
        all->heap = heap;
        all->cap = cap;
    }
    deadline->at = at;
    deadline->item = item;
    all->count++;
    put(all, all->count, deadline);
    sift_up(all, deadline);
    return true;
}

void souk_deadline_move(souk_deadlines *all, souk_deadline *deadline, souk_ms at)
{
    deadline->at = at;
    sift_up(all, deadline);
    sift_down(all, deadline);
}

void souk_deadline_remove(souk_deadlines *all, souk_deadline *deadline)
{
    if (deadline->place == 0) {
        return;
    }
    souk_deadline *last = all->heap[all->count - 1];
    size_t place = deadline->place;
    all->count--;
    deadline->place = 0;
    if (last != deadline) {
        put(all, place, last);
        souk_deadline_move(all, last, last->at);
    }
}

souk_ms souk_deadlines_next(const souk_deadlines *all)
{
    return all->count == 0 ? SOUK_NEVER : all->heap[0]->at;
}

void *souk_deadlines_due(const souk_deadlines *all, souk_ms now)
{
    return all->count > 0 && all->heap[0]->at <= now ? all->heap[0]->item : NULL;
}
