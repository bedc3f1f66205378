#include "schema/keyword.h"

typedef struct keyword_row {
    souk_slice name;
    souk_schema_dialect first;
    souk_schema_dialect last;
    souk_keyword_shape shape;
} keyword_row;

static const keyword_row rows[SOUK_KEYWORD_COUNT] = {
#define SOUK_KEYWORD_ROW(id, name, first, last, shape)                                             \
    {SOUK_LIT_INIT(name), SOUK_SCHEMA_##first, SOUK_SCHEMA_##last, SOUK_SHAPE_##shape},
    SOUK_KEYWORDS(SOUK_KEYWORD_ROW)
#undef SOUK_KEYWORD_ROW
};

souk_keyword souk_keyword_find(souk_slice name, souk_schema_dialect dialect)
{
    for (size_t i = 0; i < SOUK_KEYWORD_COUNT; i++) {
        if (souk_slice_eq(rows[i].name, name)) {
            bool known = rows[i].first <= dialect && dialect <= rows[i].last;
            return known ? (souk_keyword)i : SOUK_KEYWORD_COUNT;
        }
    }
    return SOUK_KEYWORD_COUNT;
}

const char *souk_keyword_name(souk_keyword keyword)
{
    return keyword < SOUK_KEYWORD_COUNT ? rows[keyword].name.ptr : "";
}

souk_keyword_shape souk_keyword_shape_of(souk_keyword keyword)
{
    return keyword < SOUK_KEYWORD_COUNT ? rows[keyword].shape : SOUK_SHAPE_VALUE;
}
