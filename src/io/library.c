#include "io/library.h"

#include <curl/curl.h>

const char *souk_io_library(void)
{
    return curl_version();
}
