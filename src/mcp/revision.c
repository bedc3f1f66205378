#include "mcp/revision.h"

static const char *const names[] = {
    [SOUK_MCP_UNKNOWN] = "",
    [SOUK_MCP_2024_11_05] = "2024-11-05",
    [SOUK_MCP_2025_03_26] = "2025-03-26",
    [SOUK_MCP_2025_06_18] = "2025-06-18",
    [SOUK_MCP_2025_11_25] = "2025-11-25",
    [SOUK_MCP_2026_07_28] = "2026-07-28",
};

enum { NAME_COUNT = sizeof names / sizeof names[0] };

const char *souk_mcp_revision_name(souk_mcp_revision revision)
{
    return (size_t)revision < NAME_COUNT ? names[revision] : "";
}

souk_mcp_revision souk_mcp_revision_from(souk_slice name)
{
    for (size_t i = SOUK_MCP_UNKNOWN + 1; i < NAME_COUNT; i++) {
        if (souk_slice_is(name, names[i])) {
            return (souk_mcp_revision)i;
        }
    }
    return SOUK_MCP_UNKNOWN;
}

souk_mcp_era souk_mcp_revision_era(souk_mcp_revision revision)
{
    if (souk_mcp_is_modern(revision)) {
        return SOUK_MCP_ERA_MODERN;
    }
    return souk_mcp_is_legacy(revision) ? SOUK_MCP_ERA_LEGACY : SOUK_MCP_ERA_UNKNOWN;
}

bool souk_mcp_is_modern(souk_mcp_revision revision)
{
    return revision > SOUK_MCP_NEWEST_LEGACY;
}

bool souk_mcp_is_legacy(souk_mcp_revision revision)
{
    return revision > SOUK_MCP_UNKNOWN && revision <= SOUK_MCP_NEWEST_LEGACY;
}

const char *souk_mcp_era_name(souk_mcp_era era)
{
    switch (era) {
    case SOUK_MCP_ERA_LEGACY:
        return "legacy";
    case SOUK_MCP_ERA_MODERN:
        return "modern";
    case SOUK_MCP_ERA_UNKNOWN:
        break;
    }
    return "unknown";
}

bool souk_mcp_has_session(souk_mcp_revision revision)
{
    return souk_mcp_is_legacy(revision);
}

bool souk_mcp_sends_version_header(souk_mcp_revision revision)
{
    return revision >= SOUK_MCP_2025_06_18;
}

bool souk_mcp_sends_method_headers(souk_mcp_revision revision)
{
    return souk_mcp_is_modern(revision);
}

bool souk_mcp_may_batch(souk_mcp_revision revision)
{
    return revision > SOUK_MCP_UNKNOWN && revision <= SOUK_MCP_2025_03_26;
}

bool souk_mcp_has_server_requests(souk_mcp_revision revision)
{
    return souk_mcp_is_legacy(revision);
}

bool souk_mcp_resumes_streams(souk_mcp_revision revision)
{
    return souk_mcp_is_legacy(revision);
}

bool souk_mcp_cancels_by_closing(souk_mcp_revision revision)
{
    return souk_mcp_is_modern(revision);
}

bool souk_mcp_has_result_type(souk_mcp_revision revision)
{
    return souk_mcp_is_modern(revision);
}
