#include "base/kept_err.h"

void souk_kept_err_set(souk_kept_err *kept, const souk_alloc *alloc, const souk_err *err)
{
    if (kept->copy == NULL) {
        kept->copy = souk_new(alloc, sizeof *kept->copy);
    }
    if (kept->copy != NULL) {
        *kept->copy = *err;
    }
}

const souk_err *souk_kept_err_get(const souk_kept_err *kept)
{
    static const souk_err no_memory = {
        .kind = SOUK_E_LIMIT, .out_of_memory = true, .message = "out of memory"};
    return kept->copy == NULL ? &no_memory : kept->copy;
}

void souk_kept_err_free(souk_kept_err *kept, const souk_alloc *alloc)
{
    souk_free(alloc, kept->copy);
    kept->copy = NULL;
}
