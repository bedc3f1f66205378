#include "mcp/redact.h"

#include "tap.h"

static void long_ids_show_their_ends(void)
{
    static const struct {
        const char *id;
        const char *shown;
    } rows[] = {
        {"", ""},
        {"7", "7"},
        {"12345678", "12345678"},
        {"123456789", "1234\xE2\x80\xA6"
                      "6789"},
        {"3f2a99e0-aa12-4d3c-9c1d", "3f2a\xE2\x80\xA6"
                                    "9c1d"},
        {"ab\ncd", "ab?cd"},
        {"\x1b[31mlong enough to cut\x7f", "?[31\xE2\x80\xA6"
                                           "cut?"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[SOUK_MCP_SHORT_MAX];
        CHECK_TEXT(souk_mcp_shorten(souk_slice_of(rows[i].id), out), rows[i].shown);
    }
}

int main(void)
{
    CASE(long_ids_show_their_ends);
    return tap_done();
}
