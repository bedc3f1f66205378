/*
 * Where a session is, when its server redirects. Within its origin nothing changes: each request is
 * redirected anew. What another origin gave out belongs there, and goes there directly: through the
 * redirect the first server would get to see it, and the other would not.
 */
#include "mcp/session_internal.h"

/* The stream of HTTP+SSE is asked for at the server's own URL. */
bool souk_mcp_goes_abroad(const souk_mcp *mcp, const souk_mcp_exchange *exchange)
{
    return mcp->abroad && exchange->purpose != SOUK_MCP_FOR_INBOUND;
}

const char *souk_mcp_target_url(const souk_mcp *mcp, const souk_mcp_exchange *exchange)
{
    if (mcp->two_endpoints && exchange->purpose != SOUK_MCP_FOR_INBOUND) {
        return mcp->endpoint.data;
    }
    return souk_mcp_goes_abroad(mcp, exchange) ? mcp->moved_to.data : mcp->config.url;
}

/* Relative to where the stream came from (RFC 3986 section 5.1.3). */
souk_slice souk_mcp_base_url(const souk_mcp *mcp)
{
    return mcp->moved_to.len > 0 ? souk_buf_slice(&mcp->moved_to) : souk_slice_of(mcp->config.url);
}

int souk_mcp_stay_there(souk_mcp *mcp, const souk_io_event *head, souk_err *err)
{
    souk_buf_clear(&mcp->moved_to);
    souk_buf_add(&mcp->moved_to, head->moved_to);
    mcp->abroad = head->abroad;
    return souk_buf_check(&mcp->moved_to, "the URL that the server redirects to", err);
}

void souk_mcp_come_home(souk_mcp *mcp)
{
    souk_buf_clear(&mcp->moved_to);
    mcp->abroad = false;
}
