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
