/* The numbers of a runtime for a monitoring system: Prometheus' text format, version 0.0.4. */
#ifndef SOUK_METRICS_H
#define SOUK_METRICS_H

#include "runtime/runtime.h"

/*
 * Appends all of them: the pool's counters, what there is now, histograms of how long things took;
 * by server, but never by identity, of which there may be any number. Content type: "text/plain;
 * version=0.0.4". SOUK_E_LIMIT when the buffer is full or memory is out.
 */
int souk_runtime_metrics(souk_runtime *rt, souk_buf *out, souk_err *err);

#endif
