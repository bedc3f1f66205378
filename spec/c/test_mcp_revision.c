#include "mcp/revision.h"

#include "tap.h"

static void names_and_revisions_are_one_to_one(void)
{
    static const char *const names[] = {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25",
                                        "2026-07-28"};
    for (int i = 0; i < 5; i++) {
        souk_mcp_revision revision = souk_mcp_revision_from(souk_slice_of(names[i]));
        CHECK_INT(revision, SOUK_MCP_2024_11_05 + i);
        CHECK_TEXT(souk_mcp_revision_name(revision), names[i]);
    }
}

static void other_names_are_unknown(void)
{
    static const char *const names[] = {"", "2025-06", "2025-06-18 ", "2025-06-19", "draft", "2"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        CHECK_INT(souk_mcp_revision_from(souk_slice_of(names[i])), SOUK_MCP_UNKNOWN);
    }
    CHECK_TEXT(souk_mcp_revision_name(SOUK_MCP_UNKNOWN), "");
    CHECK_TEXT(souk_mcp_revision_name((souk_mcp_revision)77), "");
}

/* One letter per question, in the order of `questions`; a dot is no. */
static void each_revision_answers_the_questions(void)
{
    static bool (*const questions[])(souk_mcp_revision) = {
        souk_mcp_is_legacy,       souk_mcp_is_modern,
        souk_mcp_has_session,     souk_mcp_sends_version_header,
        souk_mcp_may_batch,       souk_mcp_has_server_requests,
        souk_mcp_resumes_streams, souk_mcp_sends_method_headers,
        souk_mcp_has_result_type, souk_mcp_cancels_by_closing,
    };
    static const char letters[] = "lmsvbrgntc";
    static const struct {
        souk_mcp_revision revision;
        const char *answers;
    } rows[] = {
        {SOUK_MCP_UNKNOWN, ".........."},    {SOUK_MCP_2024_11_05, "l.s.brg..."},
        {SOUK_MCP_2025_03_26, "l.s.brg..."}, {SOUK_MCP_2025_06_18, "l.sv.rg..."},
        {SOUK_MCP_2025_11_25, "l.sv.rg..."}, {SOUK_MCP_2026_07_28, ".m.v...ntc"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char got[] = "..........";
        for (size_t q = 0; q < sizeof letters - 1; q++) {
            got[q] = questions[q](rows[i].revision) ? letters[q] : '.';
        }
        CHECK_TEXT(got, rows[i].answers);
    }
}

static void eras_have_names(void)
{
    CHECK_TEXT(souk_mcp_era_name(souk_mcp_revision_era(SOUK_MCP_NEWEST_LEGACY)), "legacy");
    CHECK_TEXT(souk_mcp_era_name(souk_mcp_revision_era(SOUK_MCP_NEWEST_MODERN)), "modern");
    CHECK_TEXT(souk_mcp_era_name(souk_mcp_revision_era(SOUK_MCP_UNKNOWN)), "unknown");
}

int main(void)
{
    CASE(names_and_revisions_are_one_to_one);
    CASE(other_names_are_unknown);
    CASE(each_revision_answers_the_questions);
    CASE(eras_have_names);
    return tap_done();
}
