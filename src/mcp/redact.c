#include "mcp/redact.h"

#include <string.h>

enum {
    WHOLE_UP_TO = 8, /* bytes of an id that is shown whole */
    END_BYTES = 4    /* bytes shown from each end of a longer one */
};

static char *put_visible(char *out, souk_slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        bool is_visible = bytes.ptr[i] >= 0x21 && bytes.ptr[i] <= 0x7E;
        *out++ = is_visible ? bytes.ptr[i] : '?';
    }
    return out;
}

const char *souk_mcp_shorten(souk_slice id, char out[SOUK_MCP_SHORT_MAX])
{
    static const char ellipsis[] = "\xE2\x80\xA6";
    char *end = out;
    if (id.len <= WHOLE_UP_TO) {
        end = put_visible(end, id);
    } else {
        end = put_visible(end, souk_slice_make(id.ptr, END_BYTES));
        memcpy(end, ellipsis, sizeof ellipsis - 1);
        end += sizeof ellipsis - 1;
        end = put_visible(end, souk_slice_from(id, id.len - END_BYTES));
    }
    *end = '\0';
    return out;
}

static bool contains_nocase(souk_slice text, souk_slice word)
{
    for (size_t i = 0; i + word.len <= text.len; i++) {
        if (souk_slice_starts_nocase(souk_slice_from(text, i), word)) {
            return true;
        }
    }
    return false;
}

bool souk_mcp_header_is_secret(souk_slice name)
{
    static const char *const words[] = {"auth",   "token",      "secret",  "key",    "password",
                                        "cookie", "credential", "session", "passwd", "signature"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (contains_nocase(name, souk_slice_of(words[i]))) {
            return true;
        }
    }
    return false;
}
