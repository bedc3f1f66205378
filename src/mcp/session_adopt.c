/*
 * Sessions that several processes use at once: one of them opens it, the others adopt it. To the
 * server they are one client, so their ids must differ, and none may end the session for the
 * others.
 */
#include "mcp/session_internal.h"

/* The low half of a JSON-RPC id counts; the high half is the seat. */
enum { SEAT_SHIFT = 32 };

void souk_mcp_take_seat(souk_mcp *mcp, uint32_t seat)
{
    mcp->rpc_serial = (uint64_t)seat << SEAT_SHIFT;
}

bool souk_mcp_has_seat(const souk_mcp *mcp)
{
    return mcp->rpc_serial >> SEAT_SHIFT != 0;
}

void souk_mcp_remember(souk_mcp *mcp, souk_mcp_revision revision)
{
    if (mcp->config.remembered == SOUK_MCP_UNKNOWN) {
        mcp->config.remembered = revision;
    }
}

/*
 * The stream of HTTP+SSE is the session, and belongs to one connection; and a session of the place
 * that a redirect led to is only good there.
 */
bool souk_mcp_can_be_shared(const souk_mcp *mcp)
{
    return souk_mcp_is_http(mcp) && mcp->state == SOUK_MCP_READY && !mcp->two_endpoints &&
           mcp->moved_to.len == 0;
}

static int check_known(const souk_mcp *mcp, const souk_mcp_known *known, souk_err *err)
{
    bool is_other = mcp->config.pinned != SOUK_MCP_UNKNOWN && mcp->config.pinned != known->revision;
    if (!souk_mcp_is_http(mcp) || mcp->state != SOUK_MCP_NEW) {
        return souk_fail(err, SOUK_E_CONFIG, "a session of this kind cannot be adopted");
    }
    if (known->revision == SOUK_MCP_UNKNOWN || is_other) {
        return souk_fail(err, SOUK_E_PROTOCOL, "the session to be adopted speaks another revision");
    }
    if (known->session_id.len > 0 &&
        (!souk_mcp_has_session(known->revision) || !souk_mcp_session_id_valid(known->session_id))) {
        return souk_fail(err, SOUK_E_PROTOCOL, "the session to be adopted has no valid id");
    }
    return SOUK_OK;
}

int souk_mcp_adopt(souk_mcp *mcp, const souk_mcp_known *known, souk_err *err)
{
    int failed = check_known(mcp, known, err);
    if (failed != SOUK_OK) {
        return failed;
    }
    souk_buf_add(&mcp->session_id, known->session_id);
    failed = souk_buf_check(&mcp->session_id, "the session id", err);
    char *about = failed == SOUK_OK ? souk_dup(mcp->alloc, known->about) : NULL;
    if (about == NULL) {
        souk_buf_clear(&mcp->session_id);
        return failed == SOUK_OK ? souk_fail_memory(err) : failed;
    }
    mcp->about = about;
    mcp->revision = known->revision;
    mcp->state = SOUK_MCP_READY;
    /* It did, for whoever opened it: a refusal without a reason means that it is gone by now. */
    mcp->worked = known->session_id.len > 0;
    souk_mcp_listen_beside(mcp);
    return SOUK_OK;
}

void souk_mcp_leave_to_others(souk_mcp *mcp)
{
    mcp->left_to_others = true;
}
