/*
 * Which capabilities may be called: two lists of globs over ids. Deny wins over allow; an empty
 * allow list allows all.
 */
#ifndef SOUK_POLICY_H
#define SOUK_POLICY_H

#include "base/alloc.h"
#include "base/err.h"

typedef struct souk_policy souk_policy;

/* Allows everything. NULL when out of memory. */
souk_policy *souk_policy_new(const souk_alloc *alloc);
void souk_policy_free(souk_policy *policy);

/* Adds a rule (copied). SOUK_E_LIMIT when out of memory. */
int souk_policy_allow(souk_policy *policy, souk_slice glob, souk_err *err);
int souk_policy_deny(souk_policy *policy, souk_slice glob, souk_err *err);

/* From now on only what an allow rule names may be called, even when there is no such rule. */
void souk_policy_restrict(souk_policy *policy);

/* SOUK_OK, or SOUK_E_POLICY with the rule that hit. */
int souk_policy_check(const souk_policy *policy, souk_slice id, souk_err *err);

#endif
