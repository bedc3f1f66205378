#include "market/gate.h"
#include "runtime/internal.h"

int souk_runtime_register(souk_runtime *rt, souk_manifest *manifest, souk_diags *diags,
                          souk_err *err)
{
    if (diags != NULL) {
        souk_diags_enter(diags, manifest->id, manifest->line, manifest->column);
    }
    int failed = souk_gate_prepare(rt->alloc, manifest, diags, err);
    return failed == SOUK_OK ? souk_registry_add(rt->registry, manifest, NULL, err) : failed;
}
