#include "cap/detect.h"

bool souk_needs_session(const souk_flat *flat, souk_slice provider_kind, souk_slice *prefix)
{
    static const souk_slice suffix = SOUK_LIT_INIT("_requires_session");
    if (souk_slice_is(provider_kind, "mcp")) {
        *prefix = SOUK_LIT("mcp");
        return true;
    }
    for (size_t i = 0; i < flat->count; i++) {
        souk_slice key = flat->keys[i];
        souk_slice value = flat->values[i];
        bool is_asked = souk_slice_is(value, "true") || souk_slice_is(value, "auto");
        if (is_asked && key.len > suffix.len && souk_slice_ends(key, suffix)) {
            *prefix = souk_slice_make(key.ptr, key.len - suffix.len);
            return true;
        }
    }
    return false;
}
