/*
 * What was heard already. A server should say again on a resumed stream only what belongs to that
 * stream (2025-11-25, basic/transports, "Resumability and Redelivery"), but servers in the field
 * send everything that came after the last event, whatever stream it was in. The program hears
 * neither progress nor questions twice.
 */
#include "base/map.h"
#include "mcp/session_internal.h"

enum { SETTLED_MAX = 64 }; /* questions; what was settled before these may be put again */

struct souk_mcp_settled {
    uint64_t ids[SETTLED_MAX]; /* hashes, a ring; 0: none yet */
    size_t at;
};

bool souk_mcp_is_old_progress(const souk_mcp *mcp, souk_mcp_pending *pending,
                              const souk_jval *params)
{
    double progress;
    if (!souk_json_number(souk_json_get(params, "progress"), &progress)) {
        return false;
    }
    /* It "MUST increase" (basic/utilities/progress), which not every server knows: while no stream
     * was taken up, nothing can be a repetition. */
    bool is_old = mcp->resumed_any && pending->has_progress && progress <= pending->progress;
    if (!is_old) {
        pending->progress = progress;
        pending->has_progress = true;
    }
    return is_old;
}

/* Never 0. 1 and "1" are different ids. */
static uint64_t hash_of(const souk_mcp *mcp, souk_rpc_id id)
{
    bool is_text = id.type == SOUK_RPC_ID_STRING;
    souk_slice bytes =
        is_text ? id.text : souk_slice_make((const char *)&id.number, sizeof id.number);
    return souk_hash(bytes, is_text ? mcp->config.seed : ~mcp->config.seed) | 1;
}

void souk_mcp_question_settled(souk_mcp *mcp, souk_rpc_id id)
{
    if (!souk_mcp_resumes_streams(mcp->revision) || !souk_mcp_is_http(mcp)) {
        return; /* there is nothing to be taken up */
    }
    if (mcp->settled == NULL) {
        mcp->settled = souk_new(mcp->alloc, sizeof *mcp->settled);
    }
    if (mcp->settled != NULL) { /* without memory a question may be put twice */
        mcp->settled->ids[mcp->settled->at++ % SETTLED_MAX] = hash_of(mcp, id);
    }
}

bool souk_mcp_question_is_settled(const souk_mcp *mcp, souk_rpc_id id)
{
    uint64_t hash;
    if (mcp->settled == NULL || !mcp->resumed_any) {
        return false;
    }
    hash = hash_of(mcp, id);
    for (size_t i = 0; i < SETTLED_MAX; i++) {
        if (mcp->settled->ids[i] == hash) {
            return true;
        }
    }
    return false;
}
