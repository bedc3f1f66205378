#include "base/budget.h"

#include <stdint.h>

/* Before each block stands how long it is. */
typedef union header {
    size_t size; /* the header included */
    max_align_t alignment;
} header;

static void *budget_resize(void *user, void *ptr, size_t size)
{
    souk_budget *budget = user;
    header *block = ptr == NULL ? NULL : (header *)ptr - 1;
    size_t old = block == NULL ? 0 : block->size;
    if (size == 0) {
        budget->used -= old;
        souk_free(budget->under, block);
        return NULL;
    }
    size_t total;
    bool fits = souk_size_add(size, sizeof(header), &total) &&
                (total <= old || total - old <= budget->max - budget->used);
    if (!fits) {
        budget->refused++;
        return NULL;
    }
    block = souk_resize_array(budget->under, block, total, 1);
    if (block == NULL) {
        return NULL;
    }
    block->size = total;
    budget->used = budget->used - old + total;
    return block + 1;
}

void souk_budget_init(souk_budget *budget, const souk_alloc *under, size_t max)
{
    budget->alloc.resize = budget_resize;
    budget->alloc.user = budget;
    budget->under = under;
    budget->max = max;
    budget->used = 0;
    budget->refused = 0;
}
