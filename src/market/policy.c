#include "market/policy.h"

#include "base/arena.h"
#include "base/glob.h"
#include "market/query.h"

typedef struct rules {
    souk_slice *globs;
    size_t count;
    size_t cap;
} rules;

struct souk_policy {
    const souk_alloc *alloc;
    souk_arena texts;
    rules allow;
    rules deny;
    bool restrictive;
};

souk_policy *souk_policy_new(const souk_alloc *alloc)
{
    souk_policy *policy = souk_new(alloc, sizeof *policy);
    if (policy != NULL) {
        policy->alloc = alloc;
        souk_arena_init(&policy->texts, alloc);
    }
    return policy;
}

void souk_policy_free(souk_policy *policy)
{
    if (policy != NULL) {
        souk_free(policy->alloc, policy->allow.globs);
        souk_free(policy->alloc, policy->deny.globs);
        souk_arena_free(&policy->texts);
        souk_free(policy->alloc, policy);
    }
}

static int add_rule(souk_policy *policy, rules *list, souk_slice glob, souk_err *err)
{
    if (list->count == list->cap) {
        size_t cap = list->cap == 0 ? 8 : list->cap * 2;
        souk_slice *globs = souk_resize_array(policy->alloc, list->globs, cap, sizeof *globs);
        if (globs == NULL) {
            return souk_fail_memory(err);
        }
        list->globs = globs;
        list->cap = cap;
    }
    if (!souk_arena_copy(&policy->texts, glob, &list->globs[list->count])) {
        return souk_fail_memory(err);
    }
    list->count++;
    return SOUK_OK;
}

int souk_policy_allow(souk_policy *policy, souk_slice glob, souk_err *err)
{
    return add_rule(policy, &policy->allow, glob, err);
}

int souk_policy_deny(souk_policy *policy, souk_slice glob, souk_err *err)
{
    return add_rule(policy, &policy->deny, glob, err);
}

void souk_policy_restrict(souk_policy *policy)
{
    policy->restrictive = true;
}

static const souk_slice *find_rule(const rules *list, souk_slice id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (souk_glob(list->globs[i], id)) {
            return &list->globs[i];
        }
    }
    return NULL;
}

int souk_policy_check(const souk_policy *policy, souk_slice id, souk_err *err)
{
    const souk_slice *denied = find_rule(&policy->deny, id);
    if (denied != NULL) {
        return souk_fail(err, SOUK_E_POLICY, "capability '%.*s' is denied by the rule '%.*s'",
                         SOUK_ARG(id), SOUK_ARG(*denied));
    }
    bool open = policy->allow.count == 0 && !policy->restrictive;
    if (!open && find_rule(&policy->allow, id) == NULL) {
        return souk_fail(err, SOUK_E_POLICY, "no rule allows capability '%.*s'", SOUK_ARG(id));
    }
    return SOUK_OK;
}
