/*
 * A manifest: all that is known about one capability, and never changed after it was made. Texts
 * that have structure are kept as compact JSON, types and code as the source that they were read
 * from.
 *
 * Manifests are counted: a call in flight holds one, so that it outlives its removal from the
 * marketplace. The count is a plain number; a manifest belongs to one thread at a time.
 */
#ifndef SOUK_MANIFEST_H
#define SOUK_MANIFEST_H

#include "cap/flatten.h"
#include "json/doc.h"

enum { SOUK_ID_MAX = 512 /* bytes of an id */ };

typedef struct souk_manifest {
    souk_slice id;
    souk_slice name;
    souk_slice version;
    souk_slice description;
    souk_slice provider; /* JSON: a label (string) or an object; empty when there is none */
    souk_slice
        provider_kind;      /* the label, or the object's "type", in lower case: "mcp"; or empty */
    souk_slice permissions; /* JSON: array of strings */
    souk_slice effects;     /* JSON: array of strings */
    souk_slice domains;     /* JSON: array of strings */
    souk_slice categories;  /* JSON: array of strings */
    souk_slice language;    /* JSON: any value; empty when there is none */
    souk_slice annotations; /* JSON: object */
    souk_slice metadata;    /* JSON: object, nested */
    souk_slice extra;       /* JSON: object; properties of the file that souk gives no meaning to */
    souk_slice input_schema;  /* JSON Schema; empty when there is none */
    souk_slice output_schema; /* JSON Schema; empty when there is none */
    souk_slice input_form; /* the type form that input_schema was made of; empty when it was not */
    souk_slice output_form;
    souk_slice implementation; /* source of the form; empty when there is none */
    souk_slice server;         /* name of the server that it was found on; empty when it was not */
    souk_slice file;           /* where it was read from; empty when it was not */
    unsigned line;
    unsigned column;
    souk_flat flat; /* the metadata, flat, with the facts of an MCP provider */

    const souk_alloc *alloc;
    souk_arena arena;
    unsigned holders;

    /*
     * What a higher room keeps with the manifest (the marketplace: compiled schemas).
     * free_attachment gets `attachment`, unless that is NULL, when the manifest ends; it must not
     * touch the manifest.
     */
    void *attachment;
    void (*free_attachment)(const souk_alloc *alloc, void *attachment);
} souk_manifest;

/*
 * Makes a manifest with one holder, the caller. Copies all texts of *parts, which needs an id;
 * empty texts get their defaults (name: the id; version: "1.0.0"; lists: []; objects: {}). JSON
 * texts must be as souk_value_compact makes them. provider_kind and flat of *parts are not looked
 * at: they are made from provider and metadata here. Duplicate flat keys are a warning to diags
 * (may be NULL).
 *
 * SOUK_E_CONFIG: the id is empty, too long or has control characters, the provider is neither label
 * nor object, or the metadata cannot be flattened. SOUK_E_LIMIT: memory.
 */
int souk_manifest_new(const souk_alloc *alloc, const souk_manifest *parts, souk_diags *diags,
                      souk_manifest **out, souk_err *err);

/*
 * SOUK_OK, or SOUK_E_CONFIG: ids are not empty, at most SOUK_ID_MAX bytes, and have no control
 * characters.
 */
int souk_check_id(souk_slice id, souk_err *err);

/* One holder more; returns its argument. */
souk_manifest *souk_manifest_ref(souk_manifest *manifest);

/* One holder less; the last one ends it. NULL is allowed. */
void souk_manifest_unref(souk_manifest *manifest);

/*
 * The value of a flat metadata entry ("mcp_server_url"); a slice with ptr NULL when there is none.
 */
souk_slice souk_manifest_fact(const souk_manifest *manifest, const char *key);

/* souk_needs_session for this manifest. */
bool souk_manifest_needs_session(const souk_manifest *manifest, souk_slice *handler);

/* The whole manifest as one JSON object: see manifest_json.c for its members. SOUK_E_LIMIT. */
int souk_manifest_to_json(const souk_manifest *manifest, souk_buf *out, souk_err *err);

/*
 * A manifest from an object like that of souk_manifest_to_json, of which only "id" is needed.
 * Schemas are objects or booleans; lists are arrays of strings, or one string. `metadata` may be
 * nested. SOUK_E_CONFIG names what is wrong, for an unknown member the nearest known one.
 * SOUK_E_LIMIT: memory.
 */
int souk_manifest_from_json(const souk_alloc *alloc, const souk_json_doc *doc,
                            const souk_jval *object, souk_diags *diags, souk_manifest **out,
                            souk_err *err);

#endif
