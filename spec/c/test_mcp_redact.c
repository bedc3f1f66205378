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

static void names_of_secret_headers_are_known(void)
{
    static const char *const secret[] = {"Authorization", "proxy-authorization", "Cookie",
                                         "X-Api-Key",     "Mcp-Session-Id",      "X-GitHub-Token",
                                         "X-Auth",        "Client-Secret"};
    static const char *const open[] = {"Accept", "Content-Type", "MCP-Protocol-Version", "X-Trace",
                                       ""};
    for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++) {
        CHECK(souk_mcp_header_is_secret(souk_slice_of(secret[i])));
    }
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        CHECK(!souk_mcp_header_is_secret(souk_slice_of(open[i])));
    }
}

int main(void)
{
    CASE(long_ids_show_their_ends);
    CASE(names_of_secret_headers_are_known);
    return tap_done();
}
